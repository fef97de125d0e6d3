#include "smtpd/event.h"

#include "libcommon/counters.h"
#include "libcommon/log.h"
#include "libcommon/text.h"
#include "smtpd/command.h"
#include "smtpd/header_policy.h"

#include <fmt/core.h>

#include <deque>

namespace postern::smtpd {
namespace {

Counter messages_accepted{"mail_received_total", "result=\"accepted\"", "Messages received by SMTP"};
Counter messages_refused{"mail_received_total", "result=\"refused\"", "Messages received by SMTP"};
Counter messages_deferred{"mail_received_total", "result=\"deferred\"", "Messages received by SMTP"};
Counter bytes_accepted{"mail_received_bytes_total", "", "Bytes of messages accepted by SMTP"};
Counter recipients_accepted{"smtp_recipients_total", "result=\"accepted\"", "Recipients asked for by SMTP"};
Counter recipients_refused{"smtp_recipients_total", "result=\"refused\"", "Recipients asked for by SMTP"};
Counter senders_refused{"smtp_senders_refused_total", "", "MAIL commands refused for their sender"};
Counter logins_ok{"smtp_auth_attempts_total", "result=\"ok\"", "Logins by SMTP"};
Counter logins_failed{"smtp_auth_attempts_total", "result=\"failed\"", "Logins by SMTP"};
Counter authors_refused{"smtp_authors_refused_total", "", "Submissions from an author their account may not be"};
Counter tls_sessions{"smtp_tls_sessions_total", "", "SMTP sessions that started TLS"};
Counter connections{"smtp_connections_total", "", "SMTP connections accepted"};
Counter clients_named{"smtp_xclient_total", "", "Clients named by XCLIENT"};
Counter abuses{"smtp_abuse_total", "", "SMTP connections closed for what the client did"};
Gauge active{"smtp_active_connections", "", "SMTP connections open now"};

// One counter for each row of a table; a Metric never moves, so neither does their container.
template <class Rows, class Label> std::deque<Counter> counters_of(const Rows& rows, const char* name, Label label, const char* help) {
    std::deque<Counter> made;
    for (const auto& row : rows) made.emplace_back(name, label(row), help);
    return made;
}

void count_header_rule(std::size_t rule) {
    static std::deque<Counter> counters = counters_of(
        header_rules(), "smtp_header_refusals_total", [](const HeaderRule& row) { return fmt::format("rule=\"{}\"", row.name); },
        "Messages refused for their header");
    counters[rule].add();
}

struct Recorder {
    const Client& client;
    std::string session = client.trace.text();

    void operator()(const event::Connected&) const {
        connections.add();
        active.add();
        log::info("smtpd.connect", {{"session", session}, {"client", client.address}, {"port", client.role}});
    }
    void operator()(const event::TlsStarted& e) const {
        tls_sessions.add();
        log::info("smtpd.tls", {{"session", session}, {"version", e.version}, {"cipher", e.cipher}});
    }
    void operator()(const event::ClientNamed& e) const {
        clients_named.add();
        log::info("smtpd.xclient", {{"session", session}, {"proxy", e.proxy}, {"client", client.address}, {"port", e.port}, {"name", e.name},
                                    {"helo", e.helo}, {"protocol", e.protocol}, {"to", e.destination}, {"to_port", e.destination_port}});
    }
    void operator()(const event::LoggedIn& e) const {
        logins_ok.add();
        log::info("smtpd.auth.ok", {{"session", session}, {"client", client.address}, {"account", e.address}});
    }
    void operator()(const event::LoginFailed& e) const {
        logins_failed.add();
        log::warning("smtpd.auth.fail", {{"session", session}, {"client", client.address},
                                         {"user", printable(e.username)}, {"code", e.code}});
    }
    void operator()(const event::SenderRefused& e) const {
        senders_refused.add();
        log::info("smtpd.mail.refuse", {{"session", session}, {"client", client.address}, {"from", e.reverse_path},
                                        {"code", e.code}, {"reason", e.reason}});
    }
    void operator()(const event::RecipientAccepted& e) const {
        recipients_accepted.add();
        log::info("smtpd.rcpt.accept", {{"session", session}, {"rcpt", e.forward_path}});
    }
    void operator()(const event::RecipientRefused& e) const {
        recipients_refused.add();
        log::info("smtpd.rcpt.refuse", {{"session", session}, {"client", client.address}, {"rcpt", e.forward_path},
                                        {"code", e.code}, {"reason", e.reason}});
    }
    void operator()(const event::MessageAccepted& e) const {
        messages_accepted.add();
        bytes_accepted.add(static_cast<std::int64_t>(e.size));
        log::info("smtpd.message.accepted", {{"session", session}, {"queue", e.id.text()}, {"from", e.reverse_path},
                                             {"message_id", printable(e.message_id)}, {"size", e.size}, {"recipients", e.recipients}});
    }
    void operator()(const event::MessageRefused& e) const {
        (e.code >= 500 ? messages_refused : messages_deferred).add();
        log::info("smtpd.message.refused", {{"session", session}, {"client", client.address}, {"from", e.reverse_path},
                                            {"message_id", printable(e.message_id)},
                                            {"code", e.code}, {"reason", e.reason}});
    }
    void operator()(const event::HeaderRefused& e) const { count_header_rule(e.rule); }
    void operator()(const event::AuthorRefused&) const { authors_refused.add(); }
    void operator()(const event::Abuse& e) const {
        abuses.add();
        log::warning("smtpd.abuse", {{"session", session}, {"client", client.address}, {"what", e.what}});
    }
    void operator()(const event::Disconnected& e) const {
        active.add(-1);
        log::info("smtpd.disconnect", {{"session", session}, {"messages", e.messages}, {"errors", e.errors}});
    }
};

} // namespace

void record(const Client& client, const Event& event) { std::visit(Recorder{client}, event); }

void count_command(std::size_t verb) {
    static std::deque<Counter> counters = [] {
        auto made = counters_of(
            verbs(), "smtp_commands_total", [](const Verb& row) { return fmt::format("verb=\"{}\"", ascii_lower(row.name)); },
            "SMTP commands");
        made.emplace_back("smtp_commands_total", "verb=\"unknown\"", "SMTP commands");
        return made;
    }();
    counters[std::min(verb, counters.size() - 1)].add();
}

} // namespace postern::smtpd
