// Events to the host's own log as well, by a datagram socket that master connected: to /dev/log, where syslogd or
// journald reads. One event is one datagram in the convention of that socket, which is RFC 3164's without the host name:
// journald and rsyslog both read it there, RFC 5424 only one of them.
#pragma once

#include "libcommon/log_record.h"
#include "libcommon/loop.h"
#include "libcommon/owned.h"

#include <chrono>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

namespace postern::logd {

// "<22>Nov 21 08:20:00 postern-smtpd[0]: smtpd.connect session=…": facility mail, the severity of the level. Pure but
// for the time zone.
std::string syslog_line(std::string_view source, const log::LogRecord& record);

class Syslog {
  public:
    // The kernel holds as few as ten datagrams for a reader: what a burst brings beyond waits here, so many bytes of it.
    static constexpr std::size_t max_waiting = 1024 * 1024;

    // `wanted` is called, at most every few seconds, when the reader is gone: a new socket is needed.
    Syslog(Loop& loop, std::function<void()> wanted) : loop_(loop), wanted_(std::move(wanted)) {}

    void use(Fd socket);
    void set_active(bool active);
    void send(std::string_view source, const log::LogRecord& record);

  private:
    void flush();
    void ask(std::chrono::steady_clock::time_point now);

    Loop& loop_;
    std::function<void()> wanted_;
    bool active_ = false;
    Fd socket_;
    std::unique_ptr<Watch> writable_;
    std::deque<std::string> waiting_;
    std::size_t waiting_bytes_ = 0;
    std::chrono::steady_clock::time_point asked_{};
};

} // namespace postern::logd
