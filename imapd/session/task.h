// A command that takes longer than one turn of the loop: FETCH, SEARCH, STORE, MOVE, EXPUNGE over many messages. It does a
// slice at a time, so that one session's 100,000 messages never hold up another's NOOP, and stops while its client
// does not read.
#pragma once

#include "libcommon/result.h"

#include <optional>
#include <string>
#include <string_view>

namespace postern::imapd {

// Output beyond this waits for the client: what a session may hold in memory (TESTCARD C8).
constexpr std::size_t high_water = 128 * 1024;

class Task {
  public:
    virtual ~Task() = default;

    enum class Progress { more, done, failed };   // failed: promised bytes cannot be had, the connection must end
    // One slice; writes to `out` until it is over high_water.
    virtual Progress step(std::string& out) = 0;

    // What the tagged OK says.
    virtual std::string_view code() const { return {}; }

    // Why it ended before all was done: then the answer is NO.
    const std::optional<Error>& refusal() const { return refusal_; }

  protected:
    Progress refuse(Error error) {
        refusal_ = std::move(error);
        return Progress::done;
    }

  private:
    std::optional<Error> refusal_;
};

} // namespace postern::imapd
