// authd as a service: its database, and an answer to every message of ipc/auth.h and ipc/admin.h.
#pragma once

#include "authd/admin.h"
#include "authd/handles.h"
#include "authd/hash_pool.h"
#include "authd/local_users.h"
#include "authd/logins.h"
#include "authd/owners.h"
#include "authd/resolve.h"
#include "authd/sasl.h"
#include "authd/verifier.h"
#include "ipc/daemon.h"

namespace postern::authd {

class Service {
  public:
    Service(ipc::Daemon& daemon, Database db, LocalUsers local_users);

  private:
    void serve_fronts();
    void serve_owners();
    void serve_management();
    void serve_account();
    void serve_account_changes();
    void configure();
    void configure_guard();
    ipc::LoginResult enter(const ipc::Incoming<ipc::LocalLogin>& in);
    void later(std::chrono::milliseconds delay, std::function<void()> task);
    template <class... M> void serve_changes();
    template <class... M> void serve_hashed_changes();
    template <class M> void serve_listing(Result<typename M::Reply> (*list)(Database&, const M&));

    ipc::Verdict may_send(const ipc::Peer& asker, const Handle& handle, std::string_view reverse_path, AccountId& account);

    ipc::RelayVerdict may_leave(const ipc::Peer& asker, const ipc::AuthorizeRelay& question);
    void add_size_limit(AccountId account, ipc::SenderVerdict& verdict);

    ipc::Daemon& daemon_;
    ipc::Link& policyd_;
    Database db_;
    LocalUsers local_users_;
    Uses uses_;
    Owners owners_{uses_};
    Resolver resolver_;
    Handles handles_;
    HashPool pool_;
    Verifier verifier_;
    Guard guard_;
    Logins logins_;
    Sasl sasl_;
    Admin admin_;
    Timer last_logins_;
};

} // namespace postern::authd
