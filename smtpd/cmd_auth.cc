// AUTH, RFC 4954, as SMTP words it; the mechanisms are libsasl's and authd's.
#include "smtpd/session.h"

#include "libcommon/text.h"

namespace postern::smtpd {

sasl::Conditions Session::auth_conditions() const {
    return {role_.submission && !tls_version_.empty(), !bindings_.empty(), limits_.cram_md5};
}

// A password is never asked for, nor looked at, outside TLS: not from any address.
bool Session::expects_credentials() {
    const Reply* refusal = nullptr;
    if (!role_.submission) refusal = &replies::auth_not_offered;
    else if (account_ != 0) refusal = &replies::auth_done;
    else if (tls_version_.empty()) refusal = &replies::auth_needs_tls;
    if (refusal) reply(*refusal);
    return refusal == nullptr;
}

void Session::handle(const Auth& c) {
    if (!expects_credentials()) return;
    const sasl::Mechanism* mechanism = sasl::find(c.mechanism, auth_conditions());
    if (!mechanism) return reply(replies::auth_mechanism);
    auth_.emplace(*mechanism, sasl::Client{client_.trace, ipc::Protocol::submission, client_.address, bindings_});
    take_auth_step(auth_->begin(c.initial_response));
}

void Session::on_auth_line(std::string_view line) { take_auth_step(auth_->on_line(line)); }

void Session::take_auth_step(sasl::Conversation::Step step) {
    state_ = State::greeted;                       // unless another line is wanted
    std::visit([this](auto& s) { take(s); }, step);
    if (state_ != State::auth && open_questions_ == 0) end_auth();
}

void Session::take(sasl::Conversation::Say& challenge) {
    state_ = State::auth;
    reply({334, {}, challenge.base64});
}
void Session::take(ipc::Login& question) { only_ticket_ = ask(std::move(question)); }
void Session::take(ipc::SaslStart& question) { only_ticket_ = ask(std::move(question)); }
void Session::take(ipc::SaslStep& question) { only_ticket_ = ask(std::move(question)); }
void Session::take(sasl::Conversation::Malformed&) { reply(replies::auth_malformed); }
void Session::take(sasl::Conversation::Cancelled&) { reply(replies::auth_cancelled); }

void Session::on(const ipc::LoginResult& result, std::int64_t) {
    if (role_.local) enter(result);
    else take_auth_step(result);
}

// Whose connection this is the kernel has told authd; there is nothing a client could say about it.
void Session::enter(const ipc::LoginResult& result) {
    if (result.status == ipc::LoginStatus::denied) return close_with(replies::not_a_local_user);
    if (result.status != ipc::LoginStatus::ok || result.handle.empty()) return close_with(replies::local_user_unknown_now);
    handle_ = result.handle;
    account_ = result.account;
    address_ = result.address.view();
    effects_.events.push_back(event::LoggedIn{address_});
    greet();
}

void Session::on(const ipc::SaslReply& answer, std::int64_t) { take_auth_step(auth_->on_reply(answer)); }

void Session::take(ipc::LoginResult& result) {
    const bool ok = result.status == ipc::LoginStatus::ok && result.account != 0 && !result.handle.empty();
    const Reply& answer = reply_to_login(ok || result.status != ipc::LoginStatus::ok ? result.status
                                                                                     : ipc::LoginStatus::unavailable);
    if (ok) {
        handle_ = result.handle;
        account_ = result.account;
        address_ = result.address.view();
        effects_.events.push_back(event::LoggedIn{result.address.value});
        return reply(answer);
    }
    effects_.events.push_back(event::LoginFailed{auth_->username(), answer.code});
    reply(answer);
    if (result.status == ipc::LoginStatus::denied && ++login_failures_ >= limits_.login_failures)
        close_with(replies::too_many_logins, "too many failed logins");
}

// Over, one way or another: what authd still keeps of it goes.
void Session::end_auth() {
    if (!auth_) return;
    if (const auto abort = auth_->abort()) effects_.tells.push_back(*abort);
    auth_.reset();
}

} // namespace postern::smtpd
