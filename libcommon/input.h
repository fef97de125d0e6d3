// The one reader every server protocol takes its bytes from: it charges each byte held to a budget, so that no
// grammar has limits of its own and no half-sent command costs more than its session may hold
// (TESTCARD C4, C6, lesson 25: "the reader enforces, not the states").
#pragma once

#include "libcommon/result.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace postern {

class Input {
  public:
    // Holds at most `budget` unread bytes.
    explicit Input(std::size_t budget) : budget_(budget) {}

    // Takes what fits; returns how much it took. What is left stays with the transport, which stops reading.
    std::size_t append(std::string_view bytes);
    std::size_t room() const { return budget_ - size(); }
    std::size_t size() const { return buffer_.size() - read_; }
    bool empty() const { return size() == 0; }
    void set_budget(std::size_t budget) { budget_ = budget; }

    // All unread bytes; valid until the next call that is not const.
    std::string_view peek() const { return std::string_view(buffer_).substr(read_); }
    void consume(std::size_t count);

    // One line, up to and with its LF, consumed at the next call of anything not const; nothing while incomplete.
    // Errc::too_large once `limit` bytes hold no LF: the caller answers and skips with discard_line().
    enum class LineState { complete, incomplete, too_long };
    struct Line {
        LineState state = LineState::incomplete;
        std::string_view text;   // without CRLF or LF
        bool crlf = false;       // ended by CRLF, not by a bare LF
    };
    Line take_line(std::size_t limit);

    // Drops bytes up to and with the next LF, over as many calls as it takes; true when the LF was dropped.
    bool discard_line();

    // Forgets everything; gives the memory back.
    void clear();

  private:
    void compact();

    std::string buffer_;
    std::size_t read_ = 0;      // bytes of buffer_ already taken
    std::size_t scanned_ = 0;   // bytes after read_ known to hold no LF: a slow sender never makes us rescan
    std::size_t budget_;
};

} // namespace postern
