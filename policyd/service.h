// policyd as a service: an answer to every message of ipc/policy.h and ipc/suppression.h. It asks nobody, so an answer is there at once.
#pragma once

#include "ipc/daemon.h"
#include "policyd/bans.h"
#include "policyd/clients.h"
#include "policyd/decide/rates.h"
#include "policyd/decide/tarpit.h"
#include "policyd/sent.h"
#include "policyd/suppressions.h"

namespace postern::policy {

class Service {
  public:
    Service(ipc::Daemon& daemon, sql::Database db);

  private:
    struct Client {                      // that we have a say about
        IpAddress address;
        std::string network;
    };
    void configure();
    void serve_fronts();
    void serve_management();
    std::optional<Client> judged(std::string_view address) const;

    ipc::ClientVerdict at_connect(const ipc::CheckClient& question);
    ipc::RecipientPolicy at_recipient(const ipc::CheckRecipient& question);
    void note(const ipc::ReportClient& report);
    void ban_guesser(const ipc::ReportGuessing& report);
    ipc::AdminResult add(const ipc::AddBan& request);
    ipc::AdminResult clear(const ipc::ClearBan& request);

    // service_suppressions.cc
    void serve_suppressions();
    void note_address(const ipc::AddressNote& note, bool hearsay);
    ipc::AdminResult add(const ipc::AddSuppression& request);
    void count_suppressions() const;

    void write();
    void tidy();

    ipc::Daemon& daemon_;
    sql::Database db_;
    Trust trust_;
    unsigned v6_prefix_ = 64;
    Rates rates_;
    Tarpit tarpit_;
    Clients clients_;
    Bans bans_;
    Suppressions suppressions_;
    Sent sent_;
    Timer write_, tidy_;
};

} // namespace postern::policy
