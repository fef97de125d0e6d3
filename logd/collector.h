// Takes everybody's datagrams, stamps who said it, and writes what a loop turn brought in one go.
#pragma once

#include "ipc/daemon.h"
#include "logd/format.h"
#include "logd/log_file.h"

#include <memory>
#include <vector>

namespace postern::logd {

// The records of one datagram, calling `each`; false when it is malformed from some point on. Pure.
bool parse_datagram(std::string_view datagram, const std::function<void(const log::LogRecord&)>& each);

class Collector {
  public:
    explicit Collector(ipc::Daemon& daemon);

  private:
    struct Source {
        std::string name;
        Fd socket;
        std::unique_ptr<Watch> watch;
    };
    void take_sources();
    void readable(Source& source);
    void write_out();
    void configure();

    ipc::Daemon& daemon_;
    Format format_ = Format::text;
    bool to_file_ = true;
    std::unique_ptr<LogFile> file_;
    std::vector<std::unique_ptr<Source>> sources_;
    std::string lines_;
};

} // namespace postern::logd
