#include "qmgr/destinations.h"

#include <algorithm>

namespace postern::qmgr {
namespace {

constexpr std::uint32_t failures_until_down = 3;
constexpr unsigned person_share = 4;        // of five messages for one destination, where both kinds wait

// Ready lists are asked in this order, one row per turn; one that has nothing gives its turn to the next.
constexpr std::size_t person = 0, bulk = 1, doubtful = 2;
constexpr std::size_t turns[][3] = {
    {person, bulk, doubtful}, {bulk, person, doubtful}, {person, bulk, doubtful}, {doubtful, person, bulk},
    {person, bulk, doubtful}, {bulk, person, doubtful}, {person, bulk, doubtful},
};

std::chrono::milliseconds interval(const Rate& rate) {
    return rate.count == 0 ? std::chrono::milliseconds(0) : rate.period / static_cast<std::int64_t>(rate.count);
}

} // namespace

bool Destinations::may_start(const Destination& d) const {
    if (!has_work(d) || d.frozen || d.paused_until > now_ || d.state == State::down) return false;
    const auto room = d.state == State::probing ? 1U : std::min(static_cast<std::uint32_t>(d.window), d.limits.concurrency);
    return d.active < room;
}

Destinations::Class Destinations::class_of(const Destination& d) const {
    if (d.failures > 0) return Class::doubtful;
    return d.waiting[0].empty() ? Class::bulk : Class::person;
}

// Puts it where its turn will come, once; who was listed as bulk and has people's mail now moves.
void Destinations::list(Destination& d) {
    const Class cls = class_of(d);
    if (!may_start(d) || d.listed == cls) return;
    if (d.listed) std::erase(ready_[static_cast<std::size_t>(*d.listed)], &d);
    ready_[static_cast<std::size_t>(cls)].push_back(&d);
    d.listed = cls;
}

void Destinations::put(const std::string& name, const DestinationLimits& limits, Priority priority, const QueueId& id) {
    Destination& d = named(name);
    d.limits = limits;
    auto& waiting = d.waiting[static_cast<std::size_t>(priority)];
    if (waiting.empty() || waiting.back() != id) waiting.push_back(id);
    list(d);
}

QueueId Destinations::take(Destination& d) {
    const bool other = d.waiting[0].empty() || (!d.waiting[1].empty() && ++d.served % (person_share + 1) == 0);
    auto& waiting = d.waiting[other ? 1 : 0];
    const QueueId id = waiting.front();
    waiting.pop_front();
    return id;
}

std::optional<Destinations::Choice> Destinations::next_of(Class cls) {
    auto& ready = ready_[static_cast<std::size_t>(cls)];
    while (!ready.empty()) {
        Destination& d = *ready.front();
        ready.pop_front();
        d.listed.reset();
        if (!may_start(d)) {
            drop_if_unused(d.name);
            continue;
        }
        Choice choice{d.name, take(d)};
        list(d);                                             // behind the others, if more may go
        return choice;
    }
    return std::nullopt;
}

std::optional<Destinations::Choice> Destinations::next(std::uint32_t slots) {
    const auto& order = turns[turn_++ % std::size(turns)];
    for (const std::size_t cls : order) {
        if (cls == doubtful && doubtful_active_ >= std::max(slots / 2, 1U)) continue;
        if (auto choice = next_of(static_cast<Class>(cls))) return choice;
    }
    return std::nullopt;
}

void Destinations::started(const std::string& name) {
    Destination& d = named(name);
    ++d.active;
    if (d.failures > 0) ++doubtful_active_;
    if (const Time gap = interval(d.limits.rate); gap.count() > 0) pause(d, gap);
}

void Destinations::pause(Destination& d, Time length) {
    d.paused_until = now_ + length;
    paused_.emplace(d.paused_until, d.name);
}

void Destinations::failed(Destination& d, ipc::Reach reach, std::string_view reason, std::int64_t wall) {
    ++d.failures;
    d.window = std::max(d.window / 2, 1.0);
    d.last_failure = wall;
    d.reason = reason;
    const bool lasts = d.failures >= failures_until_down || d.state == State::probing;
    if (!lasts && reach == ipc::Reach::unreachable) {
        paused_.emplace(now_ + options_.longest_pause, d.name);      // then it is forgotten
        return;
    }
    // Who says that it is busy is left alone for a moment; who cannot be reached, for longer each time.
    const auto doubled = std::min<std::uint32_t>(d.failures - std::min(d.failures, failures_until_down), 10);
    d.state = State::down;
    pause(d, std::min(options_.first_pause * (1 << doubled), options_.longest_pause));
}

void Destinations::answered(Destination& d) {
    if (d.state != State::up) {
        d.window = 1;
        d.paused_until = {};
    }
    d.window = std::min(d.window + 1 / d.window, static_cast<double>(std::max(d.limits.concurrency, 1U)));
    d.failures = 0;
    d.state = State::up;
    d.reason.clear();
}

void Destinations::finished(const std::string& name, ipc::Reach reach, std::string_view reason, const Time& now, std::int64_t wall) {
    now_ = std::max(now_, now);
    const auto found = all_.find(name);
    if (found == all_.end()) return;
    Destination& d = *found->second;
    if (d.failures > 0) doubtful_active_ -= d.active;
    if (d.active > 0) --d.active;
    if (reach == ipc::Reach::answered) answered(d);
    else if (reach != ipc::Reach::unsaid) failed(d, reach, reason, wall);
    if (d.failures > 0) doubtful_active_ += d.active;
    list(d);
    if (d.failures == 0) drop_if_unused(name);
}

void Destinations::tick(const Time& now) {
    now_ = std::max(now_, now);
    while (!paused_.empty() && paused_.begin()->first <= now_) {
        const std::string name = paused_.begin()->second;
        paused_.erase(paused_.begin());
        const auto found = all_.find(name);
        if (found == all_.end() || found->second->paused_until > now_) continue;
        if (found->second->state == State::down && found->second->active == 0) found->second->state = State::probing;
        else if (found->second->state == State::down) pause(*found->second, options_.first_pause);   // old ones are still out
        list(*found->second);
        drop_if_unused(name);
    }
}

// Nothing waits, nothing is out, and no pause is worth remembering.
void Destinations::drop_if_unused(const std::string& name) {
    const auto found = all_.find(name);
    if (found == all_.end()) return;
    const Destination& d = *found->second;
    if (!has_work(d) && d.active == 0 && !d.frozen && !d.listed && d.paused_until <= now_) all_.erase(found);
}

Destinations::Destination& Destinations::named(const std::string& name) {
    auto& slot = all_[name];
    if (!slot) {
        slot = std::make_unique<Destination>();
        slot->name = name;
        slot->window = options_.first_window;
    }
    return *slot;
}

void Destinations::freeze(const std::string& name, bool frozen) {
    Destination& d = named(name);
    d.frozen = frozen;
    list(d);
    drop_if_unused(name);
}

void Destinations::probe_now(const std::string& name) {
    const auto found = all_.find(name);
    if (found == all_.end() || found->second->state != State::down) return;
    found->second->paused_until = now_;
    paused_.emplace(now_, name);
    tick(now_);
}

Destinations::View Destinations::view_of(const Destination& d) {
    return {d.name, d.state, d.frozen, d.waiting[0].size() + d.waiting[1].size(), d.active, static_cast<std::uint32_t>(d.window),
            d.failures, d.paused_until, d.last_failure, d.reason};
}

std::optional<Destinations::View> Destinations::view(const std::string& name) const {
    const auto found = all_.find(name);
    if (found == all_.end()) return std::nullopt;
    return view_of(*found->second);
}

std::vector<Destinations::View> Destinations::after(const std::string& name, std::size_t limit) const {
    std::vector<View> views;
    for (auto at = all_.upper_bound(name); at != all_.end() && views.size() < limit; ++at) views.push_back(view_of(*at->second));
    return views;
}

} // namespace postern::qmgr
