#include "imapd/login/connection.h"

#include "imapd/login/service.h"
#include "libcommon/counters.h"
#include "libcommon/log.h"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>

namespace postern::imap_login {
namespace {

Counter logins_ok{"imap_logins_total", "result=\"ok\"", "IMAP logins"};
Counter logins_denied{"imap_logins_total", "result=\"denied\"", "IMAP logins"};

Counter banned{"imap_turned_away_total", "reason=\"banned\"", "IMAP connections that were turned away"};

// What one side may be ahead of the other while bytes are carried.
constexpr std::size_t relay_window = 64 * 1024;

std::size_t input_budget(const Limits& limits) { return limits.command + 4'096; }

} // namespace

Connection::Connection(Service& service, Fd socket, std::string client, Seats::Seat seat, bool implicit_tls) :
    service_(service), client_(std::move(client)), seat_(std::move(seat)), state_(implicit_tls ? State::securing : State::talking),
    input_(input_budget(service.limits())), delay_(service.loop(), [this] { deny(); }),
    stream_(service.loop(), std::move(socket),
            {[this](std::string_view bytes) { return on_data(bytes); }, [this] { on_drained(); },
             [this] { on_secured(); }, [this](std::string_view why) { end(why); }},
            implicit_tls ? service.tls() : nullptr) {
    log::info("imap-login.connect", {{"session", trace_.text()}, {"client", client_}});
    if (implicit_tls) return;
    session_.emplace(service_.limits(), false, service_.tls() != nullptr);
    out_ = session_->greeting();
    send();
}

void Connection::send() {
    if (!out_.empty()) stream_.write(std::exchange(out_, {}));
}

std::size_t Connection::on_data(std::string_view bytes) {
    if (state_ == State::relaying) {
        if (relay_->unsent() >= relay_window) {
            stream_.pause();
            return 0;
        }
        const std::size_t taken = std::min(bytes.size(), relay_window);
        relay_->write(std::string(bytes.substr(0, taken)));
        return taken;
    }
    if (state_ != State::talking) {                  // one answer at a time; what follows waits in the connection
        stream_.pause();
        return 0;
    }
    const std::size_t taken = input_.append(bytes);
    run();
    return taken;
}

void Connection::run() {
    if (state_ != State::talking) return;
    act(session_->run(input_, out_));
}

void Connection::act(Session::Wants wants) {
    if (wants == Session::Wants::start_tls) return start_tls();
    send();
    switch (wants) {
    case Session::Wants::input:
    case Session::Wants::start_tls: return;
    case Session::Wants::answer: return ask();
    case Session::Wants::refusal:
        state_ = State::asking;
        return deny_later();
    case Session::Wants::close:
        state_ = State::ended;
        return stream_.finish();
    }
}

// What was sent in clear behind STARTTLS must never be taken for what came encrypted (TESTCARD D3).
void Connection::start_tls() {
    state_ = State::securing;
    if (input_.empty()) return stream_.start_tls(service_.tls(), std::exchange(out_, {}));
    note_injection();
    stream_.write_last("* BYE Commands were waiting behind STARTTLS\r\n");
}

void Connection::note_injection() {
    log::warning("imap-login.starttls.injection", {{"session", trace_.text()}, {"client", client_}});
}

// RFC 9051 section 6.2.1: nothing known from before the handshake is kept.
void Connection::on_secured() {
    const bool greet = !session_;
    input_.clear();
    const bool binds = service_.limits().channel_binding;
    session_.emplace(service_.limits(), true, true,
                     sasl::Client{trace_, ipc::Protocol::imap, client_, binds ? stream_.channel_bindings() : ipc::ChannelBindings{}});
    state_ = State::talking;
    if (greet) out_ = session_->greeting();
    send();
}

void Connection::ask() {
    state_ = State::asking;
    std::visit([this](const auto& question) { ask(question); }, session_->question());
    session_->forget_question();
}

template <ipc::Request Q> void Connection::ask(const Q& question) {
    service_.authd().call<Q>(question, [this, alive = std::weak_ptr<bool>(alive_)](Result<typename Q::Reply> reply) {
        if (!alive.expired() && state_ == State::asking) answered(std::move(reply));
    });
}

// A challenge goes to the client; a result is taken as that of any login.
void Connection::answered(Result<ipc::SaslReply> reply) {
    if (!reply) return answered(Result<ipc::LoginResult>(reply.error()));
    const Session::Wants wants = session_->on_reply(*reply, out_);
    if (reply->state == ipc::SaslState::finished) return answered(Result<ipc::LoginResult>(reply->login));
    go_on(wants);
}

void Connection::answered(Result<ipc::LoginResult> result) {
    if (result && result->status == ipc::LoginStatus::denied) return deny_later();
    if (result && result->status == ipc::LoginStatus::ok) return hand_over(*result);
    go_on(session_->unavailable(out_));
}

void Connection::go_on(Session::Wants wants) {
    state_ = State::talking;
    act(wants);
    run();
    stream_.resume();                                // offers what came meanwhile
}

// Each failure of a connection costs its client more time, and nobody else any (TESTCARD G4).
void Connection::deny_later() {
    logins_denied.add();
    log::info("imap-login.denied",
              {{"session", trace_.text()}, {"client", client_}, {"user", session_->username()}});
    delay_.once(service_.failure_delay() * (1U << session_->failures()));
}

void Connection::deny() {
    if (state_ == State::asking) go_on(session_->denied(out_));
}

void Connection::hand_over(const ipc::LoginResult& login) {
    int ends[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) {
        log::error("imap-login.handover.failed", {{"session", trace_.text()}, {"reason", std::strerror(errno)}});
        service_.authd().send(ipc::ReleaseHandle{login.handle});
        return answered(Result<ipc::LoginResult>(Error(Errc::unavailable, "no socket")));
    }
    our_end_ = Fd(ends[0]);
    ipc::OpenSession open;
    open.trace = trace_;
    open.handle = login.handle;
    open.client = client_;
    open.tls = stream_.tls_version();
    open.pending = input_.peek();
    log::info("imap-login.login", {{"session", trace_.text()},
                                   {"client", client_},
                                   {"account", login.account},
                                   {"tls", open.tls.view()}});
    service_.owner_of(login.account).call<ipc::OpenSession>(
        open,
        [this, alive = std::weak_ptr<bool>(alive_)](Result<ipc::SessionOpened> opened) {
            if (alive.expired() || state_ != State::asking) return;
            if (opened && opened->ok) return relay();
            our_end_.reset();
            answered(Result<ipc::LoginResult>(Error(Errc::unavailable, "no session")));
        },
        std::chrono::seconds(30), Fd(ends[1]));
}

void Connection::relay() {
    logins_ok.add();
    stream_.write(session_->accepted());
    session_.reset();
    input_.clear();
    state_ = State::relaying;
    relay_.emplace(service_.loop(), std::move(our_end_), relay_window,
                   imapd::Stream::Callbacks{[this] { carry_to_client(); },
                                            [this] { stream_.resume(); },
                                            [this](std::string_view) { imapd_is_gone(); },
                                            {}});
    stream_.pause();
    stream_.resume();                                // offers what came while the login was checked
}

// After its own BYE; or it died, and with it went what the client had selected. We are still here to say so
// (RFC 9051 section 7.1.5), and its next login finds a new imapd.
void Connection::imapd_is_gone() {
    said_.see(relay_->input().peek());
    stream_.write(relay_->input().peek());
    if (said_.may_speak()) stream_.write("* BYE [UNAVAILABLE] The mailbox is not available any more, log in again\r\n");
    stream_.finish();
}

void Connection::carry_to_client() {
    Input& from = relay_->input();
    if (stream_.unsent() < relay_window) {
        said_.see(from.peek());
        stream_.write(from.peek());
        from.consume(from.size());
    }
    relay_->read_on();
}

void Connection::on_drained() {
    moved_ = Clock::now();
    if (state_ == State::relaying) carry_to_client();
}

void Connection::check_time(Clock::time_point now, Clock::duration login, Clock::duration stall) {
    const std::size_t unsent = stream_.unsent();
    if (unsent != last_unsent_) moved_ = now;
    last_unsent_ = unsent;
    if (unsent > 0 && now - moved_ > stall) return stream_.close();      // imapd notices by its own stream
    if (state_ == State::relaying || now - connected_ <= login) return;
    if (state_ == State::talking) stream_.write("* BYE Too long without a login\r\n");
    state_ = State::ended;
    stream_.close();
}

// In the middle of a handshake, or of a login that will not be believed, without a word.
void Connection::turn_away() {
    if (state_ == State::ended || state_ == State::relaying) return;
    banned.add();
    log::warning("imap-login.turned.away", {{"session", trace_.text()}, {"client", client_}, {"reason", "banned"}});
    if (state_ == State::talking) stream_.write("* BYE [UNAVAILABLE] Your address is banned here\r\n");
    state_ = State::ended;
    stream_.finish();
}

// imapd says good-bye to those who are logged in, where a command of theirs has ended.
void Connection::shut_down() {
    if (state_ == State::ended) return;
    if (state_ == State::relaying) return relay_->end_output();
    if (state_ == State::talking) stream_.write("* BYE Shutting down\r\n");
    state_ = State::ended;
    stream_.finish();
}

void Connection::end(std::string_view why) {
    if (why == tls::Connection::clear_behind_starttls) note_injection();
    if (const auto abort = session_ ? session_->abort() : std::nullopt) service_.authd().send(*abort);
    state_ = State::ended;
    log::info("imap-login.disconnect", {{"session", trace_.text()}, {"client", client_}, {"reason", why}});
    service_.ended(*this);
}

} // namespace postern::imap_login
