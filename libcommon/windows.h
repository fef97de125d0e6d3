// How often something happened lately: a sliding window per key, in a table of bounded size.
//
// A window is two counts, of this period and of the one before, weighed by how much of the period before still lies in
// the stretch that ends now: exact at the edges, off by as much as events within a period were uneven, and of one size
// whatever the rate. In a full table the least useful key of a few goes: the one that is farthest from its limit.
#pragma once

#include "libcommon/config.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace postern {

class Windows {
  public:
    using Time = std::chrono::steady_clock::time_point;

    explicit Windows(std::size_t most) : most_(most) {}

    void add(std::string_view key, const Rate& rate, Time now, std::uint64_t events = 1);
    double count(std::string_view key, const Rate& rate, Time now) const;
    // Zero: one more fits into the rate. Else how long until one does, if nothing else happens.
    std::chrono::milliseconds wait(std::string_view key, const Rate& rate, Time now) const;

    // How many were forgotten of those the predicate names.
    std::size_t forget(const std::function<bool(std::string_view key)>& which);

    void resize(std::size_t most) { most_ = most; }
    std::size_t size() const { return slots_.size(); }
    std::uint64_t evicted() const { return evicted_; }

  private:
    struct Slot {
        std::map<std::string, std::uint32_t, std::less<>>::iterator key;
        Rate rate;
        std::int64_t period = 0;                 // since the clock's beginning
        std::uint64_t now = 0, before = 0;       // events in it, and in the one before it

        void turn_to(std::int64_t current);
        double weighed(Time at) const;
    };
    static Slot seen(const Slot& slot, const Rate& rate, Time now);
    Slot& slot_of(std::string_view key, const Rate& rate, Time now);
    std::size_t roll();
    std::size_t least_useful(Time now);

    std::size_t most_;
    std::uint64_t dice_ = 1;
    std::uint64_t evicted_ = 0;
    std::map<std::string, std::uint32_t, std::less<>> index_;   // ordered: strangers choose keys, and could choose a hash's collisions
    std::vector<Slot> slots_;
};

} // namespace postern
