// The plain byte stream imap-login gave us: a socket that is read when the session has room and written when it has
// something, without ever waiting.
#pragma once

#include "libcommon/input.h"
#include "libcommon/loop.h"
#include "libcommon/owned.h"

#include <functional>
#include <string>

namespace postern::imapd {

class Stream {
  public:
    struct Callbacks {
        std::function<void()> readable;                      // input() has new bytes
        std::function<void()> drained;                       // everything written has left
        std::function<void(std::string_view why)> closed;    // once; destroy the stream later, not inside
    };
    Stream(Loop& loop, Fd socket, std::size_t input_budget, Callbacks callbacks);

    Input& input() { return input_; }
    void read_on();                      // the session took bytes: there is room again

    void write(std::string bytes);
    std::size_t unsent() const { return out_.size() - sent_; }
    void finish();                       // close once everything has left

  private:
    void readable();
    void writable();
    void end(std::string_view why);

    Fd socket_;
    Input input_;
    Callbacks callbacks_;
    std::string out_;
    std::size_t sent_ = 0;
    bool finishing_ = false, ended_ = false;
    Watch read_, write_;
};

} // namespace postern::imapd
