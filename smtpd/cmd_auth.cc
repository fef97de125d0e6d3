// AUTH, RFC 4954: PLAIN (RFC 4616) with or without an initial response, and the older LOGIN.
#include "smtpd/sasl.h"
#include "smtpd/session.h"

#include "libcommon/text.h"

namespace postern::smtpd {
namespace {

constexpr Reply next_plain{334, {}, {}};
constexpr Reply next_username{334, {}, "VXNlcm5hbWU6"};   // "Username:"
constexpr Reply next_password{334, {}, "UGFzc3dvcmQ6"};   // "Password:"

} // namespace

// A password is never asked for, nor looked at, outside TLS: not from any address.
bool Session::expects_credentials() {
    const Reply* refusal = nullptr;
    if (!role_.submission) refusal = &replies::auth_not_offered;
    else if (tls_version_.empty()) refusal = &replies::tls_required;
    else if (account_ != 0) refusal = &replies::auth_done;
    if (refusal) reply(*refusal);
    return refusal == nullptr;
}

void Session::handle(const Auth& c) {
    if (!expects_credentials()) return;
    const bool plain = iequals(c.mechanism, "PLAIN");
    if (!plain && !iequals(c.mechanism, "LOGIN")) return reply(replies::auth_mechanism);
    auth_step_ = plain ? AuthStep::plain : AuthStep::login_username;
    state_ = State::auth;
    if (c.initial_response) on_auth_line(initial_response_text(*c.initial_response));
    else reply(plain ? next_plain : next_username);
}

void Session::on_auth_line(std::string_view line) {
    state_ = State::greeted;                       // unless another line is wanted
    if (line == "*") return reply(replies::auth_cancelled);
    switch (auth_step_) {
    case AuthStep::plain:
        if (auto credentials = parse_plain(line))
            return try_login(std::move(credentials->authorization), std::move(credentials->username),
                             std::move(credentials->password));
        break;
    case AuthStep::login_username:
        if (auto username = parse_login_line(line, decltype(ipc::Login::username)::limit)) {
            username_ = std::move(*username);
            auth_step_ = AuthStep::login_password;
            state_ = State::auth;
            return reply(next_password);
        }
        break;
    case AuthStep::login_password:
        if (auto password = parse_login_line(line, decltype(ipc::Login::password)::limit))
            return try_login({}, username_, std::move(*password));
        break;
    }
    reply(replies::auth_malformed);
}

void Session::try_login(std::string authorization, std::string username, std::string password) {
    username_ = username;
    only_ticket_ = ask(ipc::Login{client_.trace, ipc::Protocol::submission, std::move(authorization),
                                  std::move(username), std::move(password), client_.address});
}

void Session::on(const ipc::LoginResult& result, std::int64_t) {
    const bool ok = result.status == ipc::LoginStatus::ok && result.account != 0 && !result.handle.empty();
    const Reply& answer = reply_to_login(ok || result.status != ipc::LoginStatus::ok ? result.status
                                                                                     : ipc::LoginStatus::unavailable);
    if (ok) {
        handle_ = result.handle;
        account_ = result.account;
        effects_.events.push_back(event::LoggedIn{result.address.value});
        return reply(answer);
    }
    effects_.events.push_back(event::LoginFailed{username_, answer.code});
    reply(answer);
    if (result.status == ipc::LoginStatus::denied && ++login_failures_ >= limits_.login_failures)
        close_with(replies::too_many_logins, "too many failed logins");
}

} // namespace postern::smtpd
