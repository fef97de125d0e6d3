// From the greeting to the first MAIL: EHLO with its fallback to HELO, STARTTLS and EHLO again, AUTH. Pure.
#pragma once

#include "delivery/smtp/capabilities.h"
#include "delivery/smtp/dialogue.h"
#include "delivery/smtp/outcome.h"

#include <optional>

namespace postern::smtp_out {

struct Credentials {
    std::string user, password;
    bool operator==(const Credentials&) const = default;
};

enum class TlsUse : std::uint8_t { never, may, must };

struct OpeningSettings {
    std::string helo;
    bool lmtp = false;
    TlsUse tls = TlsUse::may;
    bool secure = false;                         // from the first byte on: smtps
    std::optional<Credentials> credentials = {};
};

class Opening : public Dialogue {
  public:
    explicit Opening(OpeningSettings settings) : settings_(std::move(settings)), secure_(settings_.secure) {}

    // There never was a connection, and it was not the host's fault.
    void on_no_socket() { state_ = State::no_socket; }
    // Of smtps, where the handshake comes before the greeting.
    void on_handshake() { state_ = State::handshake; }
    Step begin() override;
    Step on_reply(const mail::SmtpReply& reply) override;
    Step on_secured();
    void on_lost(std::string_view why) override;

    bool is_ready() const { return state_ == State::ready; }
    const Capabilities& capabilities() const { return capabilities_; }
    // Why it is not ready. Nothing here is of a recipient's making, so it is always deferred, and another host may do.
    const Outcome& problem() const { return problem_; }
    bool is_busy() const { return busy_; }                       // it answered, and wants less of us
    bool tls_failed() const { return state_ == State::handshake; }   // lost in the handshake: clear may be tried, if allowed
    bool was_secured() const { return secure_; }
    bool has_no_starttls() const { return no_starttls_; }            // it does not offer STARTTLS, or refused it

  private:
    // `losses` in opening.cc has a row for each.
    enum class State : std::uint8_t {
        no_socket, connecting, greeting, ehlo, helo, starttls, handshake, plain, login_user, login_password, login_end, ready, failed
    };
    Step command(State next, std::string line, Wait wait = Wait::command);
    Step on_greeting(const mail::SmtpReply& reply);
    Step on_ehlo(const mail::SmtpReply& reply);
    Step on_helo(const mail::SmtpReply& reply);
    Step on_starttls(const mail::SmtpReply& reply);
    Step on_login_challenge(const mail::SmtpReply& reply);
    Step on_authenticated(const mail::SmtpReply& reply);
    Step say_hello();
    Step in_clear(Outcome why_not);
    Step authenticate();
    Step ready();
    Step fail(Outcome problem);
    Step refused(std::string_view what, const mail::SmtpReply& reply);

    OpeningSettings settings_;
    State state_ = State::connecting;
    Capabilities capabilities_;
    Outcome problem_;
    bool secure_, busy_ = false, no_starttls_ = false;
};

} // namespace postern::smtp_out
