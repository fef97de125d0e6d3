// What the service keeps of one connection: its session, its stream, its seat.
#pragma once

#include "libtls/connection.h"
#include "smtpd/door.h"
#include "smtpd/service.h"
#include "smtpd/session.h"

namespace postern::smtpd {

struct Service::Conversation {
    using Clock = std::chrono::steady_clock;

    Conversation(std::uint64_t number, Visitor visitor, bool is_trusted, const Limits& limits, bool tls, Effects& effects) :
        id(number), trusted(is_trusted), rank(visitor.rank), seat(std::move(visitor.seat)),
        session(limits, *visitor.role, tls, visitor.trace, std::move(visitor.text), effects) {}

    const std::uint64_t id;
    bool trusted;                                        // policyd is not asked about it
    const Seats::Rank rank;
    Seats::Seat seat;
    Session session;
    std::unique_ptr<tls::Connection> connection;
    Fd shown;                                            // the same of a local user's, until authd has seen it
    bool paused = false;                                 // the session left bytes with the connection
    Fd large;                                            // qmgr's file, while a large body is written
    bool large_failed = false;
    bool brought_mail = false;                           // policyd knows
    Clock::time_point tarred_until{};                    // answers about unknown recipients come one after the other
    std::uint64_t progress = 0;
    Clock::time_point progressed = Clock::now();
};

} // namespace postern::smtpd
