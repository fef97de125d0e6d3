// What master was started with, and the configuration in force.
#pragma once

#include "libcommon/config.h"
#include "libcommon/loop.h"
#include "libcommon/owned.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace postern::master {

struct Options {
    std::filesystem::path config_file = "/etc/postern/postern.yaml";
    std::filesystem::path libexec = "/usr/libexec/postern";
    std::uint32_t uid_base = 0;          // a lab's own range; 0: the users of the service table
    int resume = -1;                     // an upgrade: the descriptor of the handover
};

// Runs the configuration reader, which never has root, and gathers what it says. Does not block the loop.
class ConfigRun {
  public:
    // `done` gets the checked configuration, or the mistakes as text, one per line.
    using Done = std::function<void(Result<Config>)>;
    ConfigRun(Loop& loop, const Options& options, std::uint32_t uid, Done done);
    ~ConfigRun();
    pid_t pid() const { return pid_; }
    void exited(int status);             // from the supervisor, which reaps

  private:
    Result<void> begin(const Options& options, std::uint32_t uid);
    void readable(Fd& from, std::string& into, std::unique_ptr<Watch>& watch);
    void finish_when_complete();

    Loop& loop_;
    Done done_;
    pid_t pid_ = -1;
    Fd out_, err_;
    std::string flat_, mistakes_;
    std::unique_ptr<Watch> watch_out_, watch_err_;
    int status_ = -1;
    std::unique_ptr<Timer> deadline_;
};

} // namespace postern::master
