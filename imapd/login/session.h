// IMAP before login: RFC 9051 section 3.1 and what is legal there. A pure machine: bytes in, text and one
// wish out. It parses the bytes of strangers and holds nothing but them; authd knows the passwords, imapd the
// mail.
#pragma once

#include "ipc/auth.h"
#include "libcommon/input.h"
#include "libmail/imap/command_reader.h"

#include <string>
#include <string_view>

namespace postern::imap_login {

struct Limits {
    std::size_t command = 8'192;         // of one command with its literals
    unsigned failures = 5;               // failed logins of one connection
    unsigned bad = 10;                   // BADs of one connection
};

struct Credentials {
    std::string authzid, username, password;
    ~Credentials();                      // wipes the password
};

class Session {
  public:
    Session(const Limits& limits, bool secure, bool tls_available);

    std::string greeting() const;        // "* OK [CAPABILITY ...] ..."

    enum class Wants {
        input,
        start_tls,      // send what is there, then the handshake; afterwards begin anew with a session that is secure
        login,          // credentials() are to be checked; accepted(), denied() or unavailable() says how it went
        close,          // send what is there, then close
    };
    // Answers what it can; text to send is appended to `out`.
    Wants run(Input& input, std::string& out);

    const Credentials& credentials() const { return credentials_; }
    unsigned failures() const { return failures_; }

    std::string accepted() const;        // the last thing said here: imapd goes on
    Wants denied(std::string& out);
    Wants unavailable(std::string& out);

  private:
    enum class State { commands, sasl_response };

    Wants on_command(std::string_view text, std::string& out);
    Wants on_bad(std::string_view tag, std::string_view text, std::string& out);
    Wants on_sasl_response(std::string_view line, std::string& out);
    Wants plain(std::string_view coded, std::string& out);

    Wants handle(const imap::Capability&, std::string& out);
    Wants handle(const imap::Noop&, std::string& out);
    Wants handle(const imap::Logout&, std::string& out);
    Wants handle(const imap::Id&, std::string& out);
    Wants handle(const imap::StartTls&, std::string& out);
    Wants handle(const imap::Login&, std::string& out);
    Wants handle(const imap::Authenticate&, std::string& out);
    // Everything else needs a login; on_command() has refused it.
    template <class Command> Wants handle(const Command&, std::string&) { return Wants::input; }

    Wants tagged(std::string& out, std::string_view text) const;
    std::string_view capabilities() const;

    const Limits& limits_;
    const bool secure_, tls_available_;
    imap::CommandReader reader_;
    State state_ = State::commands;
    std::string tag_;
    Credentials credentials_;
    unsigned failures_ = 0, bad_ = 0;
};

} // namespace postern::imap_login
