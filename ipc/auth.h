// What fronts and owners ask authd: who is this, may it send as this, where does this recipient go.
#pragma once

#include "ipc/message_type.h"
#include "libcommon/ids.h"

namespace postern::ipc {

// 64 octets of local part, "@", 255 of domain: RFC 5321 section 4.5.3.1.
using Address = Text<320>;
using PeerAddress = Text<64>;   // an IP address in text, or "local"
constexpr std::size_t max_recipients = 1000;   // of a message

enum class Protocol : std::uint8_t { smtp, submission, imap, api };
constexpr Protocol last_enumerator(Protocol) { return Protocol::api; }

// smtpd, imap-login -> authd: name and password as SASL PLAIN, LOGIN or IMAP LOGIN gave them.
enum class LoginStatus : std::uint8_t { ok, denied, unavailable };   // denied: unknown, wrong, disabled: never which
constexpr LoginStatus last_enumerator(LoginStatus) { return LoginStatus::unavailable; }

struct LoginResult {
    static constexpr auto type = MessageType::login_result;
    LoginStatus status = LoginStatus::unavailable;
    Handle handle;               // bound to the channel it was given on; all zero unless ok
    AccountId account = 0;
    Address address;             // the account's primary address
    static auto fields(auto& m) { return std::tie(m.status, m.handle, m.account, m.address); }
};
struct Login {
    static constexpr auto type = MessageType::login;
    static constexpr bool secret = true;
    using Reply = LoginResult;
    TraceId trace;
    Protocol protocol = Protocol::imap;
    Text<255> authzid;           // empty, or the same identity as username: anything else is denied
    Text<320> username;
    Text<1024> password;
    PeerAddress client;
    static auto fields(auto& m) {
        return std::tie(m.trace, m.protocol, m.authzid, m.username, m.password, m.client);
    }
};

// smtpd, imap-login -> authd: a mechanism that proves a password without sending it. authd runs it, so that what verifies it
// never leaves; the front relays. authd forgets an exchange that has ended, whose front is gone, or after a minute.
enum class SaslMechanism : std::uint8_t { plain, login, scram_sha_256, scram_sha_256_plus, cram_md5 };
constexpr SaslMechanism last_enumerator(SaslMechanism) { return SaslMechanism::cram_md5; }

using SaslResponse = Text<4096>;     // decoded; the longest: a name, a nonce and a channel binding in base64
// What both ends of a TLS connection know and nobody between them does (RFC 5056); empty: there is none.
struct ChannelBindings {
    Text<32> tls_exporter;           // RFC 9266
    Text<64> tls_server_end_point;   // RFC 5929 section 4
    bool empty() const { return tls_exporter.empty() && tls_server_end_point.empty(); }
    static auto fields(auto& m) { return std::tie(m.tls_exporter, m.tls_server_end_point); }
};
enum class SaslState : std::uint8_t { challenge, finished, malformed };
constexpr SaslState last_enumerator(SaslState) { return SaslState::malformed; }

struct SaslReply {
    static constexpr auto type = MessageType::sasl_reply;
    SaslState state = SaslState::finished;
    std::uint64_t attempt = 0;       // of a challenge: what the next step names
    Text<1024> challenge;            // not yet in base64
    Text<320> username;              // whom the client claims to be, where that is known: for the log
    LoginResult login;               // of one that has finished
    static auto fields(auto& m) { return std::tie(m.state, m.attempt, m.challenge, m.username, m.login); }
};
struct SaslStart {
    static constexpr auto type = MessageType::sasl_start;
    using Reply = SaslReply;
    TraceId trace;
    Protocol protocol = Protocol::imap;
    SaslMechanism mechanism = SaslMechanism::scram_sha_256;
    SaslResponse response;           // the initial one, where the client speaks first
    PeerAddress client;
    ChannelBindings bindings;
    static auto fields(auto& m) {
        return std::tie(m.trace, m.protocol, m.mechanism, m.response, m.client, m.bindings);
    }
};
struct SaslStep {
    static constexpr auto type = MessageType::sasl_step;
    using Reply = SaslReply;
    std::uint64_t attempt = 0;
    SaslResponse response;
    static auto fields(auto& m) { return std::tie(m.attempt, m.response); }
};
// The client gave up or is gone. No answer.
struct SaslAbort {
    static constexpr auto type = MessageType::sasl_abort;
    std::uint64_t attempt = 0;
    static auto fields(auto& m) { return std::tie(m.attempt); }
};

// Users of this host as senders: an account number that no account has, for each uid. What counts by account counts them, too.
constexpr AccountId first_local_user = AccountId{1} << 52;
constexpr AccountId local_user(std::uint32_t uid) { return first_local_user + uid; }
constexpr bool is_local_user(AccountId account) { return account >= first_local_user; }

// smtpd -> authd: a program of this host connected to smtp.submit_socket, and this frame brings its connection. authd asks the kernel
// itself whose it is: smtpd cannot say it is somebody's.
struct LocalLogin {
    static constexpr auto type = MessageType::local_login;
    using Reply = LoginResult;
    TraceId trace;
    static auto fields(auto& m) { return std::tie(m.trace); }
};

// imapd, api-mail -> authd: a handle somebody brought. Once: a second redemption finds nothing.
struct Identity {
    static constexpr auto type = MessageType::identity;
    bool valid = false;
    AccountId account = 0;
    Address address;                                // primary
    std::uint64_t quota_bytes = 0;                  // 0: no limit
    std::uint64_t quota_messages = 0;
    static auto fields(auto& m) {
        return std::tie(m.valid, m.account, m.address, m.quota_bytes, m.quota_messages);
    }
};
struct Redeem {
    static constexpr auto type = MessageType::redeem;
    using Reply = Identity;
    TraceId trace;
    Handle handle;
    Protocol protocol = Protocol::imap;
    static auto fields(auto& m) { return std::tie(m.trace, m.handle, m.protocol); }
};

// The session the handle stood for is over. No answer.
struct ReleaseHandle {
    static constexpr auto type = MessageType::release_handle;
    Handle handle;
    static auto fields(auto& m) { return std::tie(m.handle); }
};

// smtpd -> authd at MAIL: may the session behind this handle send as this address (RFC 6409 section 6.1)?
enum class Verdict : std::uint8_t { allowed, denied, unavailable };
constexpr Verdict last_enumerator(Verdict) { return Verdict::unavailable; }

struct SenderVerdict {
    static constexpr auto type = MessageType::sender_verdict;
    Verdict verdict = Verdict::unavailable;
    std::uint64_t size_limit = 0;    // the largest message its account may send; 0: what the server takes
    static auto fields(auto& m) { return std::tie(m.verdict); }
    static auto added(auto& m) { return std::tie(m.size_limit); }
};
struct CheckSender {
    static constexpr auto type = MessageType::check_sender;
    using Reply = SenderVerdict;
    TraceId trace;
    Handle handle;
    Address reverse_path;
    static auto fields(auto& m) { return std::tie(m.trace, m.handle, m.reverse_path); }
};

// smtpd -> authd at RCPT: does this recipient exist and where does it go? Aliases are expanded here.
enum class RecipientStatus : std::uint8_t {
    deliver,        // `targets` and `forwards` say where
    foreign,        // not one of our domains: only for sessions that may relay
    unknown_user,   // 550 5.1.1
    disabled,       // 550 5.2.1
    over_quota,     // 552 5.2.2
    loop,           // 550 5.4.6, aliases that lead back to themselves
    invalid,        // 553 5.1.3
    unavailable,    // 451 4.3.0
    not_permitted,  // 550 5.7.1, a group this sender may not post to
    too_large,      // 552 5.2.3, the announced size is more than the recipient may receive
    too_many,       // 550 5.5.3, it leads to more recipients than a message may have
    not_returnable, // 550 5.1.1, a return address (SRS) that is forged, too old, or not for this message
};
constexpr RecipientStatus last_enumerator(RecipientStatus) { return RecipientStatus::not_returnable; }

struct LocalTarget {
    AccountId account = 0;
    Address delivered_to;   // the address after expansion: what Delivered-To says (RFC 9228)
    Text<64> detail;        // of a subaddress, RFC 5233: "lists" of ann+lists@example.org
    bool operator==(const LocalTarget&) const = default;
    static auto fields(auto& m) { return std::tie(m.account, m.delivered_to, m.detail); }
};
struct RecipientVerdict {
    static constexpr auto type = MessageType::recipient_verdict;
    RecipientStatus status = RecipientStatus::unavailable;
    List<LocalTarget, max_recipients> targets;
    List<Address, 64> forwards;      // foreign addresses an alias leads to, or one of a domain we are backup MX of
    // What of a message they take, where that is known; 0: anything. Of several targets, what the most generous takes.
    std::uint64_t size_limit = 0;    // by rule: more is 552 5.2.3
    std::uint64_t room = 0;          // left in the mailbox: more is 552 5.2.2
    Address reverse_path{};          // with which it leaves for `forwards` (SRS); empty: with the one it has
    static auto fields(auto& m) { return std::tie(m.status, m.targets, m.forwards); }
    static auto added(auto& m) { return std::tie(m.size_limit, m.room, m.reverse_path); }
};
struct ResolveRecipient {
    static constexpr auto type = MessageType::resolve_recipient;
    using Reply = RecipientVerdict;
    TraceId trace;
    Address forward_path;
    std::uint64_t size = 0;          // what MAIL's SIZE promised, 0 when unknown
    Address reverse_path;            // who asks to be let in, and who that is proven to be: groups are not for everybody
    Handle handle{};                 // of an authenticated session
    static auto fields(auto& m) { return std::tie(m.trace, m.forward_path, m.size); }
    static auto added(auto& m) { return std::tie(m.reverse_path, m.handle); }
};

// qmgr -> authd: may this message leave for these foreign addresses? Anywhere, if the handle that an smtpd instance brought
// is a live session that may send as this address; else only where each forward-path leads by itself (RelayVerdict::account is 0).
struct ForeignRecipient {
    Address forward_path, address;
    bool operator==(const ForeignRecipient&) const = default;
    static auto fields(auto& m) { return std::tie(m.forward_path, m.address); }
};
struct RelayVerdict {
    static constexpr auto type = MessageType::relay_verdict;
    Verdict verdict = Verdict::unavailable;
    AccountId account = 0;
    static auto fields(auto& m) { return std::tie(m.verdict, m.account); }
};
struct AuthorizeRelay {
    static constexpr auto type = MessageType::authorize_relay;
    using Reply = RelayVerdict;
    TraceId trace;
    Handle handle;
    Address reverse_path;
    List<ForeignRecipient, max_recipients> recipients;
    static auto fields(auto& m) { return std::tie(m.trace, m.handle, m.reverse_path); }
    static auto added(auto& m) { return std::tie(m.recipients); }
};

} // namespace postern::ipc
