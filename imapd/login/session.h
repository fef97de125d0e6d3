// IMAP before login: RFC 9051 section 3.1 and what is legal there. A pure machine: bytes in, text and one
// wish out. It parses the bytes of strangers and holds nothing but them; authd knows the passwords, imapd the
// mail.
#pragma once

#include "libcommon/input.h"
#include "libmail/imap/command_reader.h"
#include "libsasl/conversation.h"

#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace postern::imap_login {

struct Limits {
    std::size_t command = 8'192;         // of one command with its literals
    unsigned failures = 5;               // failed logins of one connection
    unsigned bad = 10;                   // BADs of one connection
    bool channel_binding = false;        // SCRAM-SHA-256-PLUS is offered
    bool cram_md5 = false;               // offered; authd asks whether the account opted in
};

class Session {
  public:
    // `secure`: the handshake is done, and `client` says what the login can be bound to.
    Session(const Limits& limits, bool secure, bool tls_available, sasl::Client client = {});

    std::string greeting() const;        // "* OK [CAPABILITY ...] ..."

    enum class Wants {
        input,
        start_tls,      // send what is there, then the handshake; afterwards begin anew with a session that is secure
        answer,         // question() is to be asked; its answer goes to on_reply(), or accepted(), denied() or unavailable()
        refusal,        // denied() when its time has come: nobody has such a name or password
        close,          // send what is there, then close
    };
    // Answers what it can; text to send is appended to `out`.
    Wants run(Input& input, std::string& out);

    using Question = std::variant<ipc::Login, ipc::SaslStart, ipc::SaslStep>;
    const Question& question() const { return question_; }
    void forget_question();              // wipes a password
    // A challenge, or the end of an exchange; of one that finished the service looks at the result itself.
    Wants on_reply(const ipc::SaslReply& reply, std::string& out);
    std::optional<ipc::SaslAbort> abort();       // what authd keeps of an exchange that was under way

    const std::string& username() const { return username_; }   // who wants to log in, as far as known
    unsigned failures() const { return failures_; }

    std::string accepted() const;        // the last thing said here: imapd goes on
    Wants denied(std::string& out);
    Wants unavailable(std::string& out);

  private:
    enum class State { commands, sasl_response };

    Wants on_command(std::string_view text, std::string& out);
    Wants on_bad(std::string_view tag, std::string_view text, std::string& out);
    Wants on_sasl_response(std::string_view line, std::string& out);
    Wants take_step(sasl::Conversation::Step step, std::string& out);
    Wants ask(Question question);

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
    sasl::Conditions conditions() const;
    std::string capabilities() const;

    const Limits& limits_;
    const bool secure_, tls_available_;
    imap::CommandReader reader_;
    State state_ = State::commands;
    std::string tag_;
    sasl::Client client_;
    std::optional<sasl::Conversation> conversation_;   // of AUTHENTICATE, while it runs
    Question question_;
    std::string username_;
    unsigned failures_ = 0, bad_ = 0;
};

} // namespace postern::imap_login
