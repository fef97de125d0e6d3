// One end of the plain byte stream between imap-login, which encrypts it, and imapd: read when there is room, written
// when there is something, without ever waiting.
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
        std::function<void()> input_ended;                   // the other side will say no more; without it, closed
    };
    Stream(Loop& loop, Fd socket, std::size_t input_budget, Callbacks callbacks);

    Input& input() { return input_; }
    void read_on();                      // the session took bytes: there is room again

    void write(std::string bytes);
    std::size_t unsent() const { return out_.size() - sent_; }
    void finish();                       // close once everything has left
    void end_output();                   // tells the other side that we will say no more; what it says still comes

  private:
    void readable();
    void writable();
    void end(std::string_view why);

    Fd socket_;
    Input input_;
    Callbacks callbacks_;
    std::string out_;
    std::size_t sent_ = 0;
    bool finishing_ = false, finished_reading_ = false, ended_ = false;
    Watch read_, write_;
};

} // namespace postern::imapd
