#include "logd/syslog.h"

#include "libcommon/counters.h"

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <sys/socket.h>

namespace postern::logd {
namespace {

Counter lost{"log_syslog_lost_total", "", "Events that syslog did not take"};

constexpr int facility_mail = 2;
constexpr int severities[] = {7, 6, 4, 3};                     // RFC 5424 section 6.2.1, by log::Level
constexpr std::chrono::seconds ask_every(2);

// RFC 3164 section 4.1.2, English whatever the locale.
std::string timestamp(std::int64_t time_us) {
    constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::time_t seconds = static_cast<std::time_t>(time_us / 1'000'000);
    std::tm t{};
    ::localtime_r(&seconds, &t);
    char text[64];
    std::snprintf(text, sizeof text, "%s %2d %02d:%02d:%02d", months[static_cast<unsigned>(t.tm_mon) % 12], t.tm_mday, t.tm_hour,
                  t.tm_min, t.tm_sec);
    return text;
}

} // namespace

std::string syslog_line(std::string_view source, const log::LogRecord& record) {
    const int priority = facility_mail * 8 + severities[static_cast<std::size_t>(record.level)];
    const auto slash = source.find('/');
    const std::string_view instance = slash == source.npos ? "0" : source.substr(slash + 1);
    return "<" + std::to_string(priority) + ">" + timestamp(record.time_us) + " postern-" + std::string(source.substr(0, slash)) +
           "[" + std::string(instance) + "]: " + log::to_text(record);
}

void Syslog::use(Fd socket) {
    writable_.reset();
    socket_ = std::move(socket);
    if (!socket_) return;
    writable_ = std::make_unique<Watch>(loop_, socket_.get(), Watch::For::write, [this] { flush(); });
    flush();
}

void Syslog::set_active(bool active) {
    active_ = active;
    if (active) return;
    use({});
    waiting_.clear();
    waiting_bytes_ = 0;
}

void Syslog::send(std::string_view source, const log::LogRecord& record) {
    if (!active_) return;
    std::string line = syslog_line(source, record);
    if (waiting_bytes_ + line.size() > max_waiting) return lost.add();
    waiting_bytes_ += line.size();
    waiting_.push_back(std::move(line));
    flush();
}

// Never blocks: a reader that stands still costs its own lines, and nobody else's time.
void Syslog::flush() {
    while (socket_ && !waiting_.empty()) {
        const std::string& line = waiting_.front();
        const bool sent = ::send(socket_.get(), line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
        if (!sent && (errno == EAGAIN || errno == ENOBUFS)) return writable_->enable();
        if (!sent && errno != EMSGSIZE) return ask(std::chrono::steady_clock::now());
        if (!sent) lost.add();                                 // a line longer than this reader takes
        waiting_bytes_ -= line.size();
        waiting_.pop_front();
    }
    if (writable_) writable_->disable();
    if (!socket_ && active_) ask(std::chrono::steady_clock::now());
}

void Syslog::ask(std::chrono::steady_clock::time_point now) {
    if (writable_) writable_->disable();                       // may be its own callback: it goes with the next socket
    socket_.reset();
    if (now - asked_ < ask_every) return;
    asked_ = now;
    wanted_();
}

} // namespace postern::logd
