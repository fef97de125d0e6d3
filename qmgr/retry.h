// When a recipient is tried again, and when it is given up. Pure: time comes in.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

namespace postern::qmgr {

// Both clocks: the wall's for what is written down and shown, the steady one for waiting.
struct Now {
    std::int64_t wall = 0;                   // seconds since the epoch
    std::chrono::milliseconds steady{};
};

// The delay after the attempt with that number, from 1: 5 min, 15 min, 1 h, then every 4 h. RFC 3463's X.3.X says
// that the system was not able: a part of ours was being restarted, so the first tries come within seconds.
std::chrono::seconds retry_delay(std::uint32_t attempts, std::string_view code);

// Rule 12: a message is given up only by an attempt made after its age passed the limit, never by age alone, and
// not within a day of a clock that jumped.
class Expiry {
  public:
    explicit Expiry(std::chrono::seconds max_age) : max_age_(max_age) {}
    void tick(const Now& now);               // regularly: how jumps are noticed
    bool is_past(std::int64_t arrived, const Now& now) const;

  private:
    std::chrono::seconds max_age_;
    Now last_;
    bool started_ = false;
    std::chrono::milliseconds suspended_until_{};
};

} // namespace postern::qmgr
