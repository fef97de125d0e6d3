// One session with its stream: moves bytes between the two and gives the session its turns.
#pragma once

#include "imapd/session/session.h"
#include "imapd/stream.h"
#include "libcommon/ids.h"

#include <chrono>
#include <functional>
#include <memory>

namespace postern::imapd {

class Client {
  public:
    using Clock = std::chrono::steady_clock;
    struct Start {
        TraceId trace;
        Handle handle;
        std::shared_ptr<store::Account> account;
        Fd socket;
        std::string_view pending;            // what the client said behind its login
    };
    Client(Loop& loop, const Environment& environment, Start start,
           std::function<void(Client&, std::string_view why)> closed);

    const TraceId& trace() const { return trace_; }
    const Handle& handle() const { return handle_; }
    void shut_down();

    // Ends a session that said nothing for so long (RFC 9051 section 5.4), or that takes nothing of what it
    // asked for.
    void check_time(Clock::time_point now, Clock::duration silence, Clock::duration stall);

  private:
    void run();
    void run_later();
    void ended(std::string_view why);

    Loop& loop_;
    TraceId trace_;
    Handle handle_;
    std::function<void(Client&, std::string_view)> closed_;
    bool scheduled_ = false, over_ = false;
    Clock::time_point heard_ = Clock::now(), moved_ = Clock::now();
    std::size_t last_unsent_ = 0;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    Stream stream_;
    Session session_;
};

} // namespace postern::imapd
