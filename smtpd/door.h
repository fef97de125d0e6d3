// Between accept and session, on the way of clients that are not trusted: policyd is asked who it is, and a stranger on port
// 25 has to wait a moment for the greeting. A server waits, as RFC 5321 section 4.3.1 demands; much of what sends spam does
// not, and is told so (TESTCARD G). Who waits here costs a descriptor and a few bytes, no session.
#pragma once

#include "libcommon/seats.h"
#include "smtpd/policy.h"
#include "smtpd/role.h"

#include <functional>
#include <map>
#include <optional>

namespace postern::smtpd {

// An accepted connection before its session.
struct Visitor {
    Fd socket;
    const Role* role = nullptr;
    TraceId trace;
    IpAddress address;
    std::string text;                    // of the address, as shown
    std::optional<IpAddress> local;      // what it connected to, where a PROXY header said so
    Seats::Rank rank = Seats::Rank::known;
    Seats::Seat seat;
};

class Door {
  public:
    using Admit = std::function<void(Visitor)>;
    // `admit`: who may come in, with the rank it turned out to have.
    Door(Loop& loop, ClientPolicy& policy, Admit admit);

    void knock(Visitor visitor);
    void dismiss();                      // everybody, with a 421: we stop
    bool empty() const { return waiting_.empty(); }

  private:
    struct Waiting {
        Visitor visitor;
        bool stranger = false;
    };
    void judged(std::uint64_t id, const ipc::ClientVerdict& verdict);
    void greet_late(std::uint64_t id);
    void time_is_up();
    void let_in(Waiting waiting);

    ClientPolicy& policy_;
    Admit admit_;
    std::uint64_t next_id_ = 1;
    std::map<std::uint64_t, Waiting> waiting_;
    std::multimap<std::chrono::steady_clock::time_point, std::uint64_t> late_;   // strangers, by when they are greeted
    Timer timer_;
};

// To one that gets no session: what fits into the socket's empty buffer, and nothing that could block.
void turn_away(const Visitor& visitor, const Reply& reply, std::string_view detail = {});

} // namespace postern::smtpd
