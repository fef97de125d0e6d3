// Keeps the table of master/services.cc running: starts, grants, brokers channels, restarts, reloads, drains.
// It answers fixed-size messages only, and never waits for a child: a full receiver is 'unavailable'.
#pragma once

#include "ipc/control.h"
#include "libcommon/log.h"
#include "master/child.h"
#include "master/certificates.h"
#include "master/handover.h"
#include "master/helper.h"
#include "master/host.h"
#include "master/settings.h"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace postern::master {

class Supervisor {
  public:
    Supervisor(Loop& loop, Options options);
    ~Supervisor();

    // Reads the configuration, opens listeners and starts everybody. False: said why on standard error.
    bool start();

    // The configuration again; a wrong one changes nothing. `done` gets an empty text, or the mistakes.
    using ReloadDone = std::function<void(std::string mistakes)>;
    void reload(ReloadDone done);

    // Goes on with the programs that are installed now, under the same pid; `done` as for a reload. What serves goes on
    // serving until its successor is ready (upgrade.cc).
    void upgrade(ReloadDone done);

    // Fronts first, then what they depend on; each gets its time to finish what runs. Ends the loop.
    void stop();

    // What control.sock and api-local may ask.
    struct Answer {
        ipc::ControlAnswer answer;
        std::string text;
    };
    void control(ipc::ControlVerb verb, std::uint64_t argument, std::function<void(Answer)> done);

    std::filesystem::path run_dir() const { return config_.text("server.run_dir"); }

  private:
    // starting
    void read_config(std::function<void(Result<Config>)> use);
    Result<void> apply(const Config& config);
    Result<void> claim_state();
    void match_children();
    Child& add_child(const Service& row, std::uint32_t instance);
    void start_child(Child& child);
    void watch(Child& child);
    Result<void> grant_all(Child& child);
    Result<void> grant_certificates(Child& child);
    Result<void> grant_files(Child& child);
    void check_certificates(const CertificateFiles& files, std::function<void(Result<void>)> judged);
    void run(Result<Helper> helper, HelperRun::Done done);
    Result<void> grant_ticket_keys(Child& child);
    void rotate_ticket_keys();
    Result<void> grant_pages(Child& child);
    void grant_log_sources(Child& logd);
    void grant_syslog(Child& logd);
    Result<void> make_log_pair(Child& child);
    void announce_page(Child& of);

    // living
    void reap();
    void exited(Child& child, int status);
    void child_readable(Child& child);
    void child_says(Child& child, const ipc::BirthMessage& message);
    void became_ready(Child& child);
    void want_channel(Child& child, const ipc::BirthMessage& message);
    void answer_control(Child& child, const ipc::BirthMessage& message);
    Child* find(ipc::ServiceId service, std::uint32_t instance);      // who serves under it now
    Child* find_exactly(const ipc::Peer& name);                       // this very process, also one that leaves
    Child* find_pid(pid_t pid);
    bool tell(Child& child, ipc::BirthMessage message, int descriptor = -1);

    // reloading and stopping
    void reload_read(Config config);
    void reload_checked(Config config, CertificateFiles files);
    void reload_others();
    void reload_ended(const std::string& mistakes);
    void keys_reloaded(const Child& child);
    void keys_are_late();
    Result<void> send_reload(Child& child);
    void stop_next();
    void drain(Child& child);
    void drained(Child& child);
    Config slice_of(const Service& row) const;

    // upgrading
    Handover handover() const;
    void become_new();
    Result<void> take_over(Handover handover);
    void replace_next();
    void start_successor(Child& child);
    void succeeded(Child& successor);
    void successor_failed(Child& successor);

    Loop& loop_;
    Options options_;
    Config config_;
    Listeners listeners_;
    std::vector<std::unique_ptr<Child>> children_;
    CertificateFiles certificates_;
    std::unique_ptr<HelperRun> helper_run_;
    bool reloading_ = false;
    const Child* awaited_ = nullptr;     // has to have the new keys before the others get the new certificates
    std::unique_ptr<Timer> keys_late_;
    std::vector<ReloadDone> reload_waits_;
    std::unique_ptr<SignalWatch> on_child_, on_reload_, on_upgrade_, on_term_, on_int_;
    std::map<ipc::ServiceId, ipc::TicketKeys> ticket_keys_;
    std::unique_ptr<Timer> ticket_rotation_;
    Fd lock_;
    Fd own_log_read_, own_log_write_;
    log::Level level_ = log::Level::info;
    bool stopping_ = false;
    bool upgrading_ = false;             // somebody is still to be replaced
    bool taken_over_ = false;            // we are the new master of an upgrade
};

} // namespace postern::master
