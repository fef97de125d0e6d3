#include "logd/explain.h"

#include "logd/timeline.h"

#include <algorithm>

namespace postern::logd {
namespace {

// A connection began this long before what it brought, at most: it is looked for that far back.
constexpr std::int64_t longest_before_us = 24LL * 3600 * 1'000'000;

} // namespace

Explanation explain(History& history, std::string_view key, std::int64_t since_us) {
    Explanation answer;
    const std::string normal = normal_key(key);
    if (normal.empty()) return answer;

    // 1. who names it, the youngest first
    std::size_t named = 0;
    std::int64_t first_us = INT64_MAX;
    std::set<std::string> related{normal};
    const KeyHash hash = hash_of(normal);
    history.search({&hash, 1}, since_us, [&](const Kept& kept) {
        if (!mentions(kept.record, normal)) return true;
        if (++named > max_mentions) return false;
        first_us = std::min(first_us, kept.record.time_us);
        add_relations(kept, related);
        return true;
    });
    answer.truncated = named > max_mentions;
    if (named == 0) return answer;

    // 2. everything around those
    std::vector<KeyHash> hashes;
    for (const std::string& relation : related) hashes.push_back(hash_of(relation));
    const std::set<KeyHash> wanted(hashes.begin(), hashes.end());
    std::vector<Kept> candidates;
    std::vector<KeyHash> keys;
    history.search(hashes, answer.truncated ? first_us : std::max<std::int64_t>(0, first_us - longest_before_us), [&](Kept kept) {
        keys.clear();
        add_keys(kept.record, keys);
        if (std::none_of(keys.begin(), keys.end(), [&](KeyHash k) { return wanted.contains(k); })) return true;
        candidates.push_back(std::move(kept));
        return candidates.size() < max_candidates;
    });
    answer.truncated = answer.truncated || candidates.size() == max_candidates;

    // 3. of them what belongs to it
    answer.events = timeline_of(std::move(candidates), normal);
    if (answer.events.size() > max_timeline) {
        answer.events.erase(answer.events.begin(), answer.events.end() - max_timeline);
        answer.truncated = true;
    }
    return answer;
}

} // namespace postern::logd
