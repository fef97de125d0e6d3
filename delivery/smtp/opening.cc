#include "delivery/smtp/opening.h"

#include "libcommon/text.h"

#include <iterator>

namespace postern::smtp_out {
namespace {

// By Opening::State.
struct Place {
    std::string_view words;
    Loss loss = Loss::in_session;
};
constexpr Place losses[] = {
    {"", Loss::ours},
    {"", Loss::not_connected},
    {"lost before its greeting: "},
    {"lost in EHLO: "},
    {"lost in HELO: "},
    {"lost in STARTTLS: "},
    {"lost in the TLS handshake: ", Loss::in_handshake},
    {"lost in AUTH: "},
    {"lost in AUTH: "},
    {"lost in AUTH: "},
    {"lost in AUTH: "},
    {"lost when ready: "},
    {"lost at the end: "},
};

} // namespace

Step Opening::begin() {
    state_ = State::greeting;
    return {{}, Step::Then::await, Wait::greeting};
}

Step Opening::command(State next, std::string line, Wait wait) {
    state_ = next;
    return {std::move(line) + "\r\n", Step::Then::await, wait};
}

Step Opening::fail(Outcome problem) {
    state_ = State::failed;
    problem_ = std::move(problem);
    return {"QUIT\r\n", Step::Then::finished};
}

// A host that refuses to speak with us says nothing of the recipients: 5xx, too, is this host's and of this moment.
Step Opening::refused(std::string_view what, const mail::SmtpReply& reply) {
    busy_ = reply.code == 421;
    Outcome outcome = outcome_of(reply);
    if (outcome.code.starts_with('5')) outcome.code[0] = '4';
    return fail(deferred(outcome.code.starts_with('4') ? outcome.code : "4.5.0", "host refused " + std::string(what) + ": " + reply.text(400)));
}

void Opening::on_lost(std::string_view why) {
    static_assert(std::size(losses) == static_cast<std::size_t>(State::failed) + 1);
    const Place& place = losses[static_cast<std::size_t>(state_)];
    problem_ = lost(place.loss, std::string(place.words) + std::string(why));
}

Step Opening::on_reply(const mail::SmtpReply& reply) {
    switch (state_) {
    case State::greeting: return on_greeting(reply);
    case State::ehlo: return on_ehlo(reply);
    case State::helo: return on_helo(reply);
    case State::starttls: return on_starttls(reply);
    case State::login_user:
    case State::login_password: return on_login_challenge(reply);
    case State::plain:
    case State::login_end: return on_authenticated(reply);
    case State::no_socket:
    case State::connecting:
    case State::handshake:
    case State::ready:
    case State::failed: break;
    }
    return fail(deferred("4.5.0", "a reply to nothing: " + reply.text(400)));
}

Step Opening::on_greeting(const mail::SmtpReply& reply) {
    if (reply.code != 220) return refused("the connection", reply);
    return say_hello();
}

Step Opening::say_hello() { return command(State::ehlo, (settings_.lmtp ? "LHLO " : "EHLO ") + settings_.helo); }

Step Opening::on_ehlo(const mail::SmtpReply& reply) {
    if (!reply.is_positive()) {
        // RFC 5321 section 3.2: a server that does not know EHLO is told HELO. It offers nothing.
        const bool old_server = reply.is_permanent() && !settings_.lmtp;
        return old_server ? command(State::helo, "HELO " + settings_.helo) : refused("EHLO", reply);
    }
    capabilities_ = parse_capabilities(reply);
    if (secure_ || settings_.tls == TlsUse::never) return authenticate();
    if (!capabilities_.starttls) return in_clear(deferred("4.7.4", "TLS is required, but the host does not offer STARTTLS"));
    return command(State::starttls, "STARTTLS");
}

Step Opening::on_helo(const mail::SmtpReply& reply) {
    if (!reply.is_positive()) return refused("HELO", reply);
    if (secure_) return authenticate();
    return in_clear(deferred("4.7.4", "TLS is required, but the host does not know EHLO"));
}

Step Opening::on_starttls(const mail::SmtpReply& reply) {
    if (reply.code == 421) return refused("STARTTLS", reply);
    if (reply.code != 220) return in_clear(deferred("4.7.4", "TLS is required, but the host refused STARTTLS: " + reply.text(400)));
    state_ = State::handshake;
    return {{}, Step::Then::start_tls, Wait::tls};
}

// RFC 3207 section 4.2: what was said in clear is forgotten.
Step Opening::on_secured() {
    secure_ = true;
    capabilities_ = {};
    return say_hello();
}

Step Opening::in_clear(Outcome why_not) {
    no_starttls_ = true;
    if (settings_.tls != TlsUse::must) return authenticate();
    return fail(std::move(why_not));
}

// RFC 4954. Whoever is to log in has TLS demanded of the host before (tls_policy.h).
Step Opening::authenticate() {
    if (!settings_.credentials) return ready();
    const auto& [user, password] = *settings_.credentials;
    if (!secure_) return fail(deferred("4.7.11", "no password is sent in clear"));
    if (capabilities_.auth_plain) {
        using namespace std::string_literals;
        return command(State::plain, "AUTH PLAIN " + to_base64("\0"s + user + "\0"s + password));
    }
    if (capabilities_.auth_login) return command(State::login_user, "AUTH LOGIN");
    return fail(deferred("4.7.0", "the host offers neither AUTH PLAIN nor AUTH LOGIN"));
}

Step Opening::on_login_challenge(const mail::SmtpReply& reply) {
    if (reply.code != 334) return refused("our login", reply);
    if (state_ == State::login_user) return command(State::login_password, to_base64(settings_.credentials->user));
    return command(State::login_end, to_base64(settings_.credentials->password));
}

Step Opening::on_authenticated(const mail::SmtpReply& reply) {
    if (!reply.is_positive()) return refused("our login", reply);
    return ready();
}

Step Opening::ready() {
    state_ = State::ready;
    return {{}, Step::Then::finished};
}

} // namespace postern::smtp_out
