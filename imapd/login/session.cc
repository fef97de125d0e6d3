#include "imapd/login/session.h"

#include "imapd/capabilities.h"
#include "libcommon/text.h"

#include <cstring>

namespace postern::imap_login {

namespace {

template <std::size_t N> bool fits(std::string_view text, const Text<N>&) { return text.size() <= N; }

} // namespace

Session::Session(const Limits& limits, bool secure, bool tls_available, sasl::Client client) :
    limits_(limits), secure_(secure), tls_available_(tls_available),
    reader_(imap::ReaderLimits{limits.command, false}), client_(std::move(client)) {}

sasl::Conditions Session::conditions() const { return {secure_, !client_.bindings.empty(), limits_.cram_md5}; }

std::string Session::capabilities() const {
    if (secure_) return std::string(imapd::capabilities_secured) + sasl::offer(conditions(), "AUTH=");
    return std::string(tls_available_ ? imapd::capabilities_in_clear : imapd::capabilities_without_tls);
}

std::string Session::greeting() const {
    return "* OK [CAPABILITY " + capabilities() + "] Postern ready\r\n";
}

Session::Wants Session::tagged(std::string& out, std::string_view text) const {
    out.append(tag_).append(" ").append(text).append("\r\n");
    return Wants::input;
}

Session::Wants Session::run(Input& input, std::string& out) {
    using Reader = imap::CommandReader;
    for (;;) {
        const auto event = reader_.next(input);
        Wants wants = Wants::input;
        if (std::holds_alternative<Reader::NeedMore>(event)) return Wants::input;
        if (std::holds_alternative<Reader::Continuation>(event)) out.append("+ OK\r\n");
        if (const auto* complete = std::get_if<Reader::Complete>(&event))
            wants = state_ == State::sasl_response ? on_sasl_response(complete->text, out)
                                                   : on_command(complete->text, out);
        if (const auto* bad = std::get_if<Reader::Bad>(&event)) wants = on_bad(bad->tag, bad->text, out);
        if (const auto* fatal = std::get_if<Reader::Fatal>(&event)) {
            out.append("* BYE ").append(fatal->text).append("\r\n");
            wants = Wants::close;
        }
        if (wants != Wants::input) return wants;
    }
}

Session::Wants Session::on_command(std::string_view text, std::string& out) {
    const auto result = imap::parse_command(text);
    if (const auto* syntax = std::get_if<imap::BadSyntax>(&result)) return on_bad(syntax->tag, syntax->text, out);
    const auto& parsed = std::get<imap::Parsed>(result);
    if ((parsed.verb->states & imap::not_authenticated) == 0) return on_bad(parsed.tag, "Log in first", out);
    tag_ = parsed.tag;
    return std::visit([&](const auto& command) { return handle(command, out); }, parsed.command);
}

Session::Wants Session::on_bad(std::string_view tag, std::string_view text, std::string& out) {
    state_ = State::commands;
    if (++bad_ >= limits_.bad) {
        out.append("* BYE Too many errors\r\n");
        return Wants::close;
    }
    tag_ = tag;
    return tagged(out, "BAD " + std::string(text));
}

Session::Wants Session::handle(const imap::Capability&, std::string& out) {
    out.append("* CAPABILITY ").append(capabilities()).append("\r\n");
    return tagged(out, "OK Done");
}

Session::Wants Session::handle(const imap::Noop&, std::string& out) { return tagged(out, "OK Done"); }

Session::Wants Session::handle(const imap::Logout&, std::string& out) {
    out.append("* BYE Logging out\r\n");
    tagged(out, "OK Done");
    return Wants::close;
}

Session::Wants Session::handle(const imap::Id&, std::string& out) {
    out.append("* ID (\"name\" \"Postern\")\r\n");
    return tagged(out, "OK Done");
}

Session::Wants Session::handle(const imap::StartTls&, std::string& out) {   // RFC 9051 section 6.2.1
    if (secure_) return tagged(out, "BAD TLS is active");
    if (!tls_available_) return tagged(out, "NO [UNAVAILABLE] No certificate");
    tagged(out, "OK Begin TLS now");
    return Wants::start_tls;
}

Session::Wants Session::handle(const imap::Login& command, std::string& out) {
    if (!secure_) return tagged(out, "NO [PRIVACYREQUIRED] STARTTLS first");
    ipc::Login login;
    username_ = command.user;
    if (!fits(command.user, login.username) || !fits(command.password, login.password)) return Wants::refusal;
    login.trace = client_.trace;
    login.protocol = client_.protocol;
    login.client = client_.address;
    login.username = command.user;
    login.password = command.password;
    return ask(std::move(login));
}

Session::Wants Session::ask(Question question) {
    question_ = std::move(question);
    return Wants::answer;
}

void Session::forget_question() {
    if (auto* login = std::get_if<ipc::Login>(&question_))
        ::explicit_bzero(login->password.value.data(), login->password.value.size());
    question_ = ipc::Login{};
}

Session::Wants Session::handle(const imap::Authenticate& command, std::string& out) {
    if (!secure_) return tagged(out, "NO [PRIVACYREQUIRED] STARTTLS first");
    const sasl::Mechanism* mechanism = sasl::find(command.mechanism, conditions());
    if (!mechanism) return tagged(out, "NO [CANNOT] No such mechanism");
    conversation_.emplace(*mechanism, client_);
    return take_step(conversation_->begin(command.initial_response), out);
}

Session::Wants Session::on_sasl_response(std::string_view line, std::string& out) {
    state_ = State::commands;
    return take_step(conversation_->on_line(line), out);
}

Session::Wants Session::on_reply(const ipc::SaslReply& reply, std::string& out) {
    auto step = conversation_->on_reply(reply);
    username_ = conversation_->username();
    return take_step(std::move(step), out);
}

std::optional<ipc::SaslAbort> Session::abort() {
    return conversation_ ? conversation_->abort() : std::nullopt;
}

Session::Wants Session::take_step(sasl::Conversation::Step step, std::string& out) {
    using C = sasl::Conversation;
    username_ = conversation_->username();
    if (auto* login = std::get_if<ipc::Login>(&step)) return ask(std::move(*login));
    if (auto* start = std::get_if<ipc::SaslStart>(&step)) return ask(std::move(*start));
    if (auto* next = std::get_if<ipc::SaslStep>(&step)) return ask(std::move(*next));
    if (std::holds_alternative<C::Malformed>(step)) return on_bad(std::string(tag_), "Not what the mechanism expects", out);
    if (std::holds_alternative<C::Cancelled>(step)) return tagged(out, "BAD Cancelled");   // RFC 9051 section 6.2.2
    if (const auto* challenge = std::get_if<C::Say>(&step)) {
        out.append("+ ").append(challenge->base64).append("\r\n");
        reader_.expect_line();
        state_ = State::sasl_response;
    }
    return Wants::input;
}

std::string Session::accepted() const {
    return tag_ + " OK [CAPABILITY " + std::string(imapd::capabilities_logged_in) + "] Logged in\r\n";
}

Session::Wants Session::denied(std::string& out) {
    tagged(out, "NO [AUTHENTICATIONFAILED] Login failed");     // never why
    if (++failures_ < limits_.failures) return Wants::input;
    out.append("* BYE Too many failed logins\r\n");
    return Wants::close;
}

Session::Wants Session::unavailable(std::string& out) { return tagged(out, "NO [UNAVAILABLE] Try again later"); }

} // namespace postern::imap_login
