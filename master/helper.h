// A program that judges something for master, without its rights: the configuration reader, the certificate check. It gets
// open files and an empty set of groups, writes its result to standard output and mistakes to standard error.
#pragma once

#include "libcommon/loop.h"
#include "libcommon/owned.h"
#include "libcommon/result.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace postern::master {

struct Helper {
    std::string program;
    std::vector<std::string> arguments;
    std::uint32_t uid = 0;               // 0: as we are, when we are not root
    Fd input;                            // its standard input
    Fd second;                           // its descriptor 3, if any
};

// Runs it without blocking the loop.
class HelperRun {
  public:
    // `done` gets what it wrote, or its mistakes as text, one per line.
    using Done = std::function<void(Result<std::string>)>;
    HelperRun(Loop& loop, Result<Helper> helper, Done done);
    ~HelperRun();
    pid_t pid() const { return pid_; }
    void exited(int status);             // from the supervisor, which reaps

  private:
    Result<void> begin(const Helper& helper);
    void readable(Fd& from, std::string& into, std::unique_ptr<Watch>& watch);
    void finish_when_complete();

    Loop& loop_;
    Done done_;
    std::string program_;
    pid_t pid_ = -1;
    Fd out_, err_;
    std::string output_, mistakes_;
    std::unique_ptr<Watch> watch_out_, watch_err_;
    int status_ = -1;
    std::unique_ptr<Timer> deadline_;
};

} // namespace postern::master
