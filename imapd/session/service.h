// imapd: the one owner of its accounts' mailboxes. Serves the sessions imap-login hands over, takes the deliveries of
// local, and makes them durable when qmgr asks.
#pragma once

#include "imapd/session/client.h"
#include "imapd/session/use_reports.h"
#include "ipc/auth.h"
#include "ipc/daemon.h"
#include "ipc/mailbox.h"
#include "libstore/store.h"

#include <memory>
#include <unordered_map>

namespace postern::imapd {

class Service {
  public:
    // `boot`: store::this_boot(), asked before the process was confined.
    Service(ipc::Daemon& daemon, mail::Charsets& charsets, std::int64_t boot);
    ~Service();

  private:
    void read_settings();
    void open_session(ipc::Incoming<ipc::OpenSession> in);
    void start(ipc::Incoming<ipc::OpenSession>& in, const ipc::Identity& identity);
    void ended(Client& client, std::string_view why);
    void store_message(const ipc::Incoming<ipc::StoreMessage>& in);
    void checkpoint(const ipc::Incoming<ipc::Checkpoint>& in);
    void maintain();
    void checkpoint_when_quiet();
    void check_times();
    void drain();

    ipc::Daemon& daemon_;
    ipc::Link& authd_;
    ipc::Link& qmgr_;
    std::unique_ptr<store::Store> store_;
    UseReports use_reports_;
    Environment environment_;
    std::chrono::milliseconds silence_{}, stall_{};
    std::chrono::steady_clock::time_point checkpointed_ = std::chrono::steady_clock::now();
    bool draining_ = false;
    std::unordered_map<Client*, std::unique_ptr<Client>> clients_;
    Timer maintenance_, clock_;
};

} // namespace postern::imapd
