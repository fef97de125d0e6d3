// What a session wants done, collected while it takes a step; service.cc does it, a test reads it.
#pragma once

#include "ipc/policy.h"
#include "ipc/queue.h"
#include "smtpd/event.h"
#include "smtpd/reply.h"

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace postern::smtpd {

// A question; its answer comes back to the session with the same ticket.
using Question = std::variant<ipc::Login, ipc::LocalLogin, ipc::SaslStart, ipc::SaslStep, ipc::CheckSender, ipc::ResolveRecipient,
                              ipc::OpenLarge, ipc::Submit, ipc::CheckClient>;
// To a CheckClient, which only XCLIENT asks: may the client it names come in?
struct ClientJudged {
    Reply refusal;                       // of code 0: it may
    std::string detail;
};
// Instead of a RecipientVerdict: policy has the last word about a recipient that would have been taken.
struct RecipientDeferred {
    Reply reply;
    std::string detail;
};
using Answer = std::variant<ipc::LoginResult, ipc::SaslReply, ipc::SenderVerdict, ipc::RecipientVerdict,
                            ipc::LargeOpened, ipc::Submitted, RecipientDeferred, ClientJudged>;
struct Ask {
    std::uint32_t ticket = 0;
    Question question;
    bool first = false;                  // ResolveRecipient: of its transaction
};
using Tell = std::variant<ipc::ReleaseHandle, ipc::SaslAbort, ipc::AbandonLarge>;

// Done in the order of the members.
struct Effects {
    std::vector<Event> events;
    std::vector<std::uint8_t> verbs;     // commands seen, for the counters
    std::string large;                   // to be written behind the large body
    std::vector<Ask> asks;
    std::vector<Tell> tells;
    std::string send;                    // every reply of the step, one write
    enum class Then : std::uint8_t { go_on, start_tls, close } then = Then::go_on;

    void clear() {                       // keeps the memory
        events.clear();
        verbs.clear();
        large.clear();
        asks.clear();
        tells.clear();
        send.clear();
        then = Then::go_on;
    }
};

} // namespace postern::smtpd
