// What fronts ask and tell policyd about clients: may this one in, may it send more, what became of it. And the list of
// bans: who is told of one (api-local), who asks for one (authd).
#pragma once

#include "ipc/admin.h"
#include "ipc/auth.h"

#include <chrono>

namespace postern::ipc {

// What policyd counts; rows of policyd/decide/rates.cc, and of smtpd's replies.
enum class RateKind : std::uint8_t {
    client_connections, client_messages, client_recipients,
    account_messages, account_recipients,
    sender_domain_messages, sender_domain_recipients,       // of mail that comes in
    own_domain_messages, own_domain_recipients,             // of mail that accounts send
};
constexpr RateKind last_enumerator(RateKind) { return RateKind::own_domain_recipients; }

// limited: `limit` says by which rate, `retry_after` until when.
enum class PolicyAction : std::uint8_t { go_on, limited, banned };
constexpr PolicyAction last_enumerator(PolicyAction) { return PolicyAction::banned; }

// stranger: nothing is known. patient: it once waited for our greeting. proven: a message of its was accepted.
enum class Standing : std::uint8_t { stranger, patient, proven };
constexpr Standing last_enumerator(Standing) { return Standing::proven; }

// Defaults are what a front does when policyd does not answer: mail goes on, and nobody is made to wait.
struct ClientVerdict {
    static constexpr auto type = MessageType::client_verdict;
    PolicyAction action = PolicyAction::go_on;
    Standing standing = Standing::patient;
    RateKind limit = RateKind::client_connections;
    std::chrono::seconds retry_after{};
    static auto fields(auto& m) { return std::tie(m.action, m.standing, m.limit, m.retry_after); }
};
// smtpd, imap-login -> policyd at connect. An SMTP connection is counted, an IMAP one only compared with the bans.
struct CheckClient {
    static constexpr auto type = MessageType::check_client;
    using Reply = ClientVerdict;
    TraceId trace;
    Protocol protocol = Protocol::smtp;
    PeerAddress client;
    static auto fields(auto& m) { return std::tie(m.trace, m.protocol, m.client); }
};

// smtpd -> policyd at RCPT, beside the question to authd. The first RCPT of a transaction stands for its MAIL too.
struct RecipientPolicy {
    static constexpr auto type = MessageType::recipient_policy;
    PolicyAction action = PolicyAction::go_on;
    RateKind limit = RateKind::client_messages;
    std::chrono::seconds retry_after{};
    std::chrono::milliseconds unknown_delay{};   // how long the answer waits when the recipient does not exist
    static auto fields(auto& m) { return std::tie(m.action, m.limit, m.retry_after, m.unknown_delay); }
};
struct CheckRecipient {
    static constexpr auto type = MessageType::check_recipient;
    using Reply = RecipientPolicy;
    TraceId trace;
    PeerAddress client;
    AccountId account = 0;           // that logged in; 0: mail from outside
    Text<255> sender_domain;         // of the reverse-path; empty for the null one
    bool first = false;              // of its transaction
    static auto fields(auto& m) { return std::tie(m.trace, m.client, m.account, m.sender_domain, m.first); }
};

// smtpd -> policyd: what became of a client. No answer.
struct ReportClient {
    static constexpr auto type = MessageType::report_client;
    PeerAddress client;
    bool waited = false;                                     // for our greeting, as RFC 5321 section 4.3.1 demands
    std::uint32_t messages = 0, unknown_recipients = 0;      // accepted, refused
    static auto fields(auto& m) { return std::tie(m.client, m.waited, m.messages, m.unknown_recipients); }
};

// authd -> policyd: this source guesses passwords. No answer; policyd knows whom it never bans.
struct ReportGuessing {
    static constexpr auto type = MessageType::report_guessing;
    PeerAddress client;
    std::uint32_t failures = 0;
    std::chrono::seconds duration{};
    static auto fields(auto& m) { return std::tie(m.client, m.failures, m.duration); }
};

// --- the list of bans: api-local asks ----------------------------------------------------------------------

using NetworkText = Text<64>;        // "192.0.2.0/24", "2001:db8::/64", or an address

struct BanRow {
    NetworkText network;
    std::int64_t since = 0, until = 0;           // seconds since the epoch
    Text<64> by;                                 // "authd", or who asked
    Text<200> reason;
    bool operator==(const BanRow&) const = default;
    static auto fields(auto& m) { return std::tie(m.network, m.since, m.until, m.by, m.reason); }
};
struct BanListing {
    static constexpr auto type = MessageType::ban_listing;
    List<BanRow, max_page> rows;
    static auto fields(auto& m) { return std::tie(m.rows); }
};
struct ListBans {
    static constexpr auto type = MessageType::list_bans;
    using Reply = BanListing;
    NetworkText after;               // in the order of networks, page by page; empty to begin
    std::uint32_t limit = 100;
    static auto fields(auto& m) { return std::tie(m.after, m.limit); }
};
struct AddBan {
    static constexpr auto type = MessageType::add_ban;
    using Reply = AdminResult;
    Actor actor;
    NetworkText network;
    std::uint64_t duration = 3600;   // seconds
    Text<200> reason;
    static auto fields(auto& m) { return std::tie(m.actor, m.network, m.duration, m.reason); }
};
// policyd forgets the bans inside `network`, authd the failed logins from it.
struct ClearBan {
    static constexpr auto type = MessageType::clear_ban;
    using Reply = AdminResult;       // not_found: there was nothing to forget
    Actor actor;
    NetworkText network;
    static auto fields(auto& m) { return std::tie(m.actor, m.network); }
};

} // namespace postern::ipc
