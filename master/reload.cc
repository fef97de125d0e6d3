// The configuration again, while everybody runs: a wrong one changes nothing.
#include "libcommon/log.h"
#include "libcommon/text.h"
#include "master/supervisor.h"

namespace postern::master {

using ipc::BirthKind;
using ipc::of_kind;
using ipc::ProcessState;
using ipc::ServiceId;

void Supervisor::reload(ReloadDone done) {
    reload_waits_.push_back(std::move(done));
    if (config_run_ || stopping_) return;                // the one that runs answers all who wait
    read_config([this](Result<Config> config) { reload_read(std::move(config)); });
}

void Supervisor::reload_read(Result<Config> config) {
    std::string mistakes;
    if (!config) {
        mistakes = config.error().message();
    } else {
        if (config->text("server.hostname").empty()) config->set("server.hostname", config_.text("server.hostname"));
        // What cannot change while we run stays as it is and says so.
        for (const char* fixed : {"server.state_dir", "server.run_dir", "storage.maildir_path", "logging.dir"})
            if (config->text(fixed) != config_.text(fixed))
                mistakes += std::string(fixed) + ": takes a restart, not a reload\n";
        if (config->text("processes.imapd") != config_.text("processes.imapd"))
            mistakes += "processes.imapd: takes a restart: accounts are divided by it\n";
    }
    if (mistakes.empty()) {
        const Config before = std::exchange(config_, *config);
        const log::Level level_before = level_;
        log::parse_level(config_.text("logging.level"), level_);
        Result<void> done = listeners_.update(config_, options_);
        for (const auto& child : children_)
            if (done && child->state == ProcessState::running) done = send_reload(*child);
        if (!done) {
            mistakes = done.error().message();
            config_ = before;
            level_ = level_before;
            (void)listeners_.update(config_, options_);
        }
    }
    if (mistakes.empty()) {
        log::set_level(level_);
        match_children();
        log::info("master.reload", {{"config", options_.config_file.string()}});
    } else {
        log::error("master.reload.refused", {{"why", mistakes}});
    }
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
    if (child.row.logs) grant_syslog(child);
    return ipc::send_birth(child.birth.get(), of_kind(BirthKind::start));
}

} // namespace postern::master
