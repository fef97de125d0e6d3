#include "libcommon/windows.h"

#include <algorithm>
#include <cmath>

namespace postern {
namespace {

constexpr std::size_t candidates = 16;

std::int64_t elapsed(Windows::Time now) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
}

} // namespace

void Windows::Slot::turn_to(std::int64_t current) {
    if (current == period) return;
    before = current == period + 1 ? now : 0;
    now = 0;
    period = current;
}

double Windows::Slot::weighed(Time at) const {
    const double into = static_cast<double>(elapsed(at) % rate.period.count()) / static_cast<double>(rate.period.count());
    return static_cast<double>(now) + static_cast<double>(before) * (1.0 - into);
}

// The slot as it looks now. A rate whose period a reload has changed begins anew.
Windows::Slot Windows::seen(const Slot& slot, const Rate& rate, Time now) {
    Slot copy = slot;
    if (copy.rate.period != rate.period) copy.now = copy.before = 0;
    copy.rate = rate;
    copy.turn_to(elapsed(now) / rate.period.count());
    return copy;
}

void Windows::add(std::string_view key, const Rate& rate, Time now, std::uint64_t events) {
    slot_of(key, rate, now).now += events;
}

double Windows::count(std::string_view key, const Rate& rate, Time now) const {
    const auto found = index_.find(key);
    return found == index_.end() ? 0 : seen(slots_[found->second], rate, now).weighed(now);
}

std::chrono::milliseconds Windows::wait(std::string_view key, const Rate& rate, Time now) const {
    const auto found = index_.find(key);
    if (found == index_.end()) return {};
    const Slot slot = seen(slots_[found->second], rate, now);
    const double room = static_cast<double>(rate.count) - 1;          // what there may be beside the new one
    if (slot.weighed(now) <= room) return {};
    const auto period = static_cast<double>(rate.period.count());
    const double into = static_cast<double>(elapsed(now) % rate.period.count());
    // Either the period before fades far enough within this one, or this one has to end and fade itself.
    const double current = static_cast<double>(slot.now), before = static_cast<double>(slot.before);
    const double until = current <= room ? period * (1 - (room - current) / before) : period + period * (1 - room / current);
    return std::chrono::milliseconds(std::max<std::int64_t>(1, std::llround(std::ceil(until - into))));
}

Windows::Slot& Windows::slot_of(std::string_view key, const Rate& rate, Time now) {
    if (const auto found = index_.find(key); found != index_.end()) return slots_[found->second] = seen(slots_[found->second], rate, now);
    std::size_t at = slots_.size();
    if (at >= most_ && !slots_.empty()) {
        at = least_useful(now);
        index_.erase(slots_[at].key);
        ++evicted_;
    } else {
        slots_.emplace_back();
    }
    Slot fresh;
    fresh.rate = rate;
    fresh.period = elapsed(now) / rate.period.count();
    fresh.key = index_.emplace(std::string(key), static_cast<std::uint32_t>(at)).first;
    return slots_[at] = fresh;
}

std::size_t Windows::forget(const std::function<bool(std::string_view)>& which) {
    std::size_t forgotten = 0;
    for (auto at = index_.begin(); at != index_.end();) {
        if (!which(at->first)) {
            ++at;
            continue;
        }
        const std::size_t hole = at->second;
        at = index_.erase(at);
        if (hole + 1 != slots_.size()) {                         // the last slot moves into the hole
            slots_[hole] = slots_.back();
            slots_[hole].key->second = static_cast<std::uint32_t>(hole);
        }
        slots_.pop_back();
        ++forgotten;
    }
    return forgotten;
}

// Any slot: neighbours came together and are alike. Knuth's generator; who could guess it gains nothing.
std::size_t Windows::roll() {
    dice_ = dice_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<std::size_t>(dice_ >> 33) % slots_.size();
}

// Of a few: who fills the table with new keys drives out keys like his own, not those that are near their limit.
std::size_t Windows::least_useful(Time now) {
    std::size_t worst = 0;
    double least = HUGE_VAL;
    for (std::size_t i = 0; i < candidates; ++i) {
        const std::size_t at = roll();
        const Slot& slot = slots_[at];
        const double use = seen(slot, slot.rate, now).weighed(now) / static_cast<double>(slot.rate.count);
        if (use >= least) continue;
        least = use;
        worst = at;
    }
    return worst;
}

} // namespace postern
