// The configuration and the certificates again, while everybody runs: what is wrong is found before anybody is told, and then
// nothing changes.
//
//   1. the configuration reader judges postern.yaml
//   2. the certificate check judges chains and keys as they are now, in memory files that nobody changes any more
//   3. keyd takes the keys and says so: no front may show a certificate whose key nobody has
//   4. all others take what is theirs
#include "ipc/bundle.h"
#include "libcommon/log.h"
#include "libcommon/text.h"
#include "master/supervisor.h"

namespace postern::master {

using ipc::BirthKind;
using ipc::BirthMessage;
using ipc::of_kind;
using ipc::ProcessState;
using ipc::ServiceId;

void Supervisor::reload(ReloadDone done) {
    if (upgrading_ || (helper_run_ && !reloading_)) return done("an upgrade is under way: try again when it is over\n");
    reload_waits_.push_back(std::move(done));
    if (std::exchange(reloading_, true) || stopping_) return;    // the one that runs answers all who wait
    read_config([this](Result<Config> config) {
        if (config) reload_read(std::move(*config));
        else reload_ended(config.error().message());
    });
}

void Supervisor::reload_read(Config config) {
    std::string mistakes;
    if (config.text("server.hostname").empty()) config.set("server.hostname", config_.text("server.hostname"));
    // What cannot change while we run stays as it is and says so.
    for (const char* fixed : {"server.state_dir", "server.run_dir", "storage.maildir_path", "logging.dir"})
        if (config.text(fixed) != config_.text(fixed)) mistakes += std::string(fixed) + ": takes a restart, not a reload\n";
    if (config.text("processes.imapd") != config_.text("processes.imapd"))
        mistakes += "processes.imapd: takes a restart: accounts are divided by it\n";
    if (!mistakes.empty()) return reload_ended(mistakes);
    auto files = open_certificates(config);
    if (!files) return reload_ended(files.error().message());
    const auto shared = std::make_shared<CertificateFiles>(std::move(*files));
    check_certificates(*shared, [this, shared, config = std::move(config)](Result<void> judged) {
        if (judged) reload_checked(config, std::move(*shared));
        else reload_ended(judged.error().message());
    });
}

// As keyd: it is the one user who may see private keys.
void Supervisor::check_certificates(const CertificateFiles& files, std::function<void(Result<void>)> judged) {
    const auto uid = uid_of(service(ServiceId::keyd), options_);
    Result<Helper> check = uid ? Result<Helper>(Helper{(options_.libexec / "tls-check").native(), {}, *uid,
                                                       ipc::reopened(files.chains), ipc::reopened(files.keys)})
                               : Result<Helper>(uid.error());
    run(std::move(check), [judged = std::move(judged)](Result<std::string> output) {
        judged(output ? Result<void>() : Result<void>(output.error()));
    });
}

namespace {
constexpr std::chrono::seconds keys_limit(10);
} // namespace

void Supervisor::reload_checked(Config config, CertificateFiles files) {
    const Config before = std::exchange(config_, std::move(config));
    if (auto done = listeners_.update(config_, options_); !done) {
        config_ = before;
        (void)listeners_.update(config_, options_);
        return reload_ended(done.error().message());
    }
    certificates_ = std::move(files);
    log::parse_level(config_.text("logging.level"), level_);
    log::set_level(level_);
    awaited_ = find(ServiceId::keyd, 0);
    if (!awaited_ || awaited_->state != ProcessState::running || !send_reload(*find(ServiceId::keyd, 0))) return reload_others();
    keys_late_ = std::make_unique<Timer>(loop_, [this] { keys_are_late(); });
    keys_late_->once(keys_limit);
}

void Supervisor::keys_reloaded(const Child& child) {
    if (awaited_ == &child) reload_others();
}

void Supervisor::keys_are_late() {
    if (!std::exchange(awaited_, nullptr)) return;
    reload_ended("keyd did not take the keys: fronts go on with what they have, until the next reload\n");
}

// A child that cannot be told now goes on with what it has; that is said, and the next reload tells it.
void Supervisor::reload_others() {
    awaited_ = nullptr;
    std::string mistakes;
    for (const auto& child : children_) {
        if (child->state != ProcessState::running || child->row.keys) continue;
        if (auto done = send_reload(*child); !done)
            mistakes += std::string(ipc::to_string(child->row.id)) + ": " + done.error().message() + "\n";
    }
    match_children();
    reload_ended(mistakes);
}

void Supervisor::reload_ended(const std::string& mistakes) {
    reloading_ = false;
    if (mistakes.empty()) log::info("master.reload", {{"config", options_.config_file.string()}});
    else log::error("master.reload.refused", {{"why", mistakes}});
    for (const ReloadDone& waiting : std::exchange(reload_waits_, {})) waiting(mistakes);
}

Result<void> Supervisor::send_reload(Child& child) {
    auto slice = ipc::memory_file("config", slice_of(child.row).flat());
    if (!slice) return slice.error();
    if (auto done = ipc::send_birth(child.birth.get(), of_kind(BirthKind::reload), slice->get()); !done) return done;
    for (std::string_view name : split(child.row.listeners, ' '))
        for (const auto& [key, listener] : listeners_.all())
            if (listener.name == name)
                if (auto done = ipc::send_birth(child.birth.get(), of_kind(BirthKind::listener, name), listener.socket.get()); !done)
                    return done;
    if (auto done = grant_certificates(child); !done) return done;
    if (auto done = grant_files(child); !done) return done;
    if (child.row.logs) grant_syslog(child);
    BirthMessage complete = of_kind(BirthKind::start);
    complete.argument = &child == awaited_ ? 1 : 0;
    return ipc::send_birth(child.birth.get(), complete);
}

} // namespace postern::master
