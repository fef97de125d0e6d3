// One client of imap-login: its TLS stream, its session until it has logged in, and then the stream to imapd.
#pragma once

#include "imapd/login/server_lines.h"
#include "imapd/login/session.h"
#include "imapd/stream.h"
#include "ipc/auth.h"
#include "libcommon/ids.h"
#include "libcommon/seats.h"
#include "libtls/connection.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace postern::imap_login {

class Service;

class Connection {
  public:
    using Clock = std::chrono::steady_clock;
    Connection(Service& service, Fd socket, std::string client, Seats::Seat seat, bool implicit_tls);

    const std::string& client() const { return client_; }
    TraceId trace() const { return trace_; }
    std::weak_ptr<bool> alive() const { return alive_; }
    void turn_away();                    // it is banned
    bool logged_in() const { return relay_.has_value(); }
    void check_time(Clock::time_point now, Clock::duration login, Clock::duration stall);
    void shut_down();

  private:
    enum class State { talking, securing, asking, relaying, ended };

    std::size_t on_data(std::string_view bytes);
    void on_drained();
    void on_secured();
    void run();
    void act(Session::Wants wants);
    void start_tls();
    void note_injection();
    void ask();
    template <ipc::Request Q> void ask(const Q& question);
    void answered(Result<ipc::LoginResult> result);
    void answered(Result<ipc::SaslReply> reply);
    void deny_later();
    void deny();
    void go_on(Session::Wants wants);
    void hand_over(const ipc::LoginResult& login);
    void relay();
    void carry_to_client();
    void imapd_is_gone();
    void end(std::string_view why);
    void send();

    Service& service_;
    const std::string client_;
    const Seats::Seat seat_;
    const TraceId trace_ = TraceId::make();
    State state_;
    const Clock::time_point connected_ = Clock::now();
    Clock::time_point moved_ = connected_;           // when the client last took a byte
    std::size_t last_unsent_ = 0;
    Input input_;
    std::optional<Session> session_;
    std::string out_;
    Fd our_end_;                                     // of the pair whose other end imapd has
    std::optional<imapd::Stream> relay_;
    ServerLines said_;                   // by imapd, through the relay
    Timer delay_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    tls::Connection stream_;
};

} // namespace postern::imap_login
