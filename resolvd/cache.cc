#include "resolvd/cache.h"

#include <algorithm>

namespace postern::dns {
namespace {

// What an entry takes, nodes of list and map and the allocator's own included, rounded up rather than down.
std::size_t cost_of(const Question& question, const ipc::DnsAnswer& answer) {
    constexpr std::size_t per_entry = 448, per_record = 64;
    std::size_t cost = per_entry + 2 * question.name.size() + answer.canonical.value.size() +
                       answer.reason.value.size() + answer.source.value.size();
    for (const ipc::DnsRecord& record : answer.records) cost += per_record + record.data.value.size();
    return cost;
}

} // namespace

void Cache::resize(std::size_t max_entries, std::size_t max_bytes) {
    max_entries_ = max_entries;
    max_bytes_ = max_bytes;
    shrink();
}

std::optional<ipc::DnsAnswer> Cache::find(const Question& question, Time now) {
    const auto found = index_.find(question);
    if (found == index_.end()) return std::nullopt;
    const auto entry = found->second;
    if (entry->until <= now) {
        remove(entry);
        return std::nullopt;
    }
    entries_.splice(entries_.begin(), entries_, entry);
    ipc::DnsAnswer answer = entry->answer;
    answer.ttl = static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::seconds>(entry->until - now).count());
    return answer;
}

void Cache::keep(const Question& question, ipc::DnsAnswer answer, Time now) {
    if (const auto old = index_.find(question); old != index_.end()) remove(old->second);
    if (answer.ttl == 0) return;
    answer.records.items.shrink_to_fit();
    const Time until = now + std::chrono::seconds(answer.ttl);
    const std::size_t cost = cost_of(question, answer);
    entries_.push_front({question, std::move(answer), until, cost});
    index_.emplace(question, entries_.begin());
    bytes_ += cost;
    shrink();
}

std::size_t Cache::forget(std::string_view name) {
    const std::size_t before = size();
    for (auto at = index_.lower_bound(Question{std::string(name), ipc::DnsType{}}); at != index_.end() && at->first.name == name;)
        remove((at++)->second);
    return before - size();
}

std::size_t Cache::clear() {
    const std::size_t before = size();
    index_.clear();
    entries_.clear();
    bytes_ = 0;
    return before;
}

void Cache::remove(Entries::iterator entry) {
    bytes_ -= entry->cost;
    index_.erase(entry->question);
    entries_.erase(entry);
}

void Cache::shrink() {
    while (!entries_.empty() && (size() > max_entries_ || bytes_ > max_bytes_)) {
        remove(std::prev(entries_.end()));
        ++evicted_;
    }
}

} // namespace postern::dns
