// When a recipient is tried again, and when it is given up. Pure: time comes in.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

namespace postern::qmgr {

// Both clocks: the wall's for what is written down and shown, the steady one for waiting.
struct Now {
    std::int64_t wall = 0;                   // seconds since the epoch
    std::chrono::milliseconds steady{};
};

// How often and how long a recipient is tried.
struct RetryPolicy {
    std::vector<std::chrono::seconds> delays = {std::chrono::minutes(5), std::chrono::minutes(15), std::chrono::hours(1),
                                                std::chrono::hours(4)};   // after each attempt; the last one repeats
    std::uint32_t max_attempts = 0;          // 0: as many as max_age has room for
    std::chrono::seconds max_age = std::chrono::hours(120);
    std::uint32_t jitter = 0;                // percent that a delay may be longer, so that what failed together is not tried together
    bool operator==(const RetryPolicy&) const = default;
};

// The delay after the attempt with that number, from 1. RFC 3463's X.3.X says that the system was not able: a part of ours was
// being restarted, so the first tries come within seconds. `spread`, any number of the recipient, places it in the jitter.
std::chrono::seconds retry_delay(const RetryPolicy& policy, std::uint32_t attempts, std::string_view code, std::uint64_t spread);

// Rule 12: a message is given up only by an attempt made after its age passed the limit, never by age alone, and
// not within a day of a clock that jumped.
class Expiry {
  public:
    void tick(const Now& now);               // regularly: how jumps are noticed
    bool is_past(std::int64_t since, std::chrono::seconds max_age, const Now& now) const;

  private:
    Now last_;
    bool started_ = false;
    std::chrono::milliseconds suspended_until_{};
};

} // namespace postern::qmgr
