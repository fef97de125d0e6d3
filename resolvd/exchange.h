// One question to one server: by UDP from a socket of its own, whose port and id nobody can know, by TCP where the answer does
// not fit or somebody seems to guess. The only file that opens sockets. Times out by itself.
#pragma once

#include "libcommon/loop.h"
#include "resolvd/packet.h"
#include "resolvd/servers.h"

#include <functional>

namespace postern::dns {

class Exchange {
  public:
    // How many datagrams that are not ours are looked at before the question is asked by TCP, where nobody but the server answers
    // (RFC 5452 section 9.3: who guesses needs many).
    static constexpr unsigned max_strangers = 16;

    struct Outcome {
        std::optional<Reply> reply;          // none: the server did not answer, or not in DNS
        bool silent = false;                 // it did not answer
        std::string why;
    };
    using Done = std::function<void(Outcome)>;

    // `done` is called once, never from within the constructor; it may destroy the exchange.
    Exchange(Loop& loop, const Server& server, const Question& question, Want want, std::chrono::milliseconds timeout, Done done);

  private:
    bool open_socket(int type);
    void ask_by_datagram();
    void datagrams_came();
    bool datagram_came(std::string_view bytes);
    void ask_by_stream();
    void stream_is_writable();
    void stream_came();
    void take(std::string_view bytes);
    void lost(std::string why);
    void finish(Outcome outcome);

    Loop& loop_;
    Server server_;
    Question question_;
    std::chrono::milliseconds timeout_;
    Done done_;
    Query query_;
    Fd socket_;
    std::unique_ptr<Watch> watch_;
    Timer timer_;
    unsigned strangers_ = 0;
    std::string buffer_;                     // TCP: what is still to be sent, then what came
    std::string broken_;                     // why there was no socket; told by the timer
};

} // namespace postern::dns
