// imap-login: takes connections, encrypts them, lets strangers log in, and hands those who did to the owner of their
// mailbox; from then on it only carries bytes. Holds no mail, no hash, no key.
#pragma once

#include "imapd/login/session.h"
#include "ipc/auth.h"
#include "ipc/daemon.h"
#include "ipc/mailbox.h"
#include "libcommon/proxies.h"
#include "libcommon/seats.h"
#include "libcommon/trust.h"
#include "libtls/certificates.h"

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace postern::imap_login {

class Connection;

class Service {
  public:
    explicit Service(ipc::Daemon& daemon);
    ~Service();

    // What a connection needs of its service.
    Loop& loop() { return daemon_.loop(); }
    const Limits& limits() const { return limits_; }
    std::shared_ptr<const tls::Context> tls() const { return tls_; }
    ipc::Link& authd() { return authd_; }
    ipc::Link& owner_of(AccountId account);
    std::chrono::milliseconds failure_delay() const { return failure_delay_; }
    void ended(Connection& connection);

  private:
    struct Port;
    void read_settings();
    void open_ports();
    void accept_from(Port& port);
    void arrive(Fd socket, const IpAddress& source, bool implicit_tls);
    void begin(Fd socket, TraceId trace, const IpAddress& address, bool implicit_tls);
    void ask_about(Connection& connection);
    void check_times();
    void drain();

    ipc::Daemon& daemon_;
    ipc::Link& authd_;
    ipc::Link& policyd_;
    Limits limits_;
    Seats seats_;                        // outlives those who sit
    Trust trust_;
    Proxies proxies_;
    tls::Certificates certificates_;
    std::shared_ptr<const tls::Context> tls_;
    std::chrono::milliseconds login_timeout_{}, failure_delay_{};
    bool draining_ = false;
    std::vector<std::unique_ptr<Port>> ports_;
    std::unordered_map<Connection*, std::unique_ptr<Connection>> connections_;
    Timer clock_;
};

} // namespace postern::imap_login
