// Takes everybody's datagrams, stamps who said it, and writes what a loop turn brought in one go: to the log file, to
// syslog where that is wanted, and to the history.
#pragma once

#include "ipc/daemon.h"
#include "ipc/history.h"
#include "logd/format.h"
#include "logd/log_file.h"
#include "logd/recorder.h"
#include "logd/syslog.h"

#include <memory>
#include <vector>

namespace postern::logd {

// The records of one datagram, calling `each` with the record and its bytes; false when it is malformed from some point
// on. Pure.
bool parse_datagram(std::string_view datagram, const std::function<void(const log::LogRecord&, std::string_view)>& each);

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
    void configure_history();
    void answer(const ipc::Incoming<ipc::HistoryQuery>& in);

    ipc::Daemon& daemon_;
    Format format_ = Format::text;
    bool to_file_ = true;
    std::unique_ptr<LogFile> file_;
    Syslog syslog_;
    History::Options history_options_;
    std::unique_ptr<Recorder> recorder_;
    std::vector<std::unique_ptr<Source>> sources_;
    std::string lines_;
};

} // namespace postern::logd
