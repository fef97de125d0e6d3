#include "logd/collector.h"

#include "libcommon/counters.h"

#include <chrono>
#include <sys/socket.h>
#include <unistd.h>

namespace postern::logd {
namespace {

Counter records{"log_records_total", "", "Events written to the log"};
Counter malformed{"log_records_malformed_total", "", "Datagrams that did not decode"};
Counter lost{"log_records_lost_total", "", "Events that could not be written"};

} // namespace

bool parse_datagram(std::string_view datagram, const std::function<void(const log::LogRecord&)>& each) {
    while (!datagram.empty()) {
        std::uint32_t size = 0;
        if (!Reader(datagram).get(size) || size > log::max_record || size > datagram.size() - sizeof size) return false;
        auto record = decode<log::LogRecord>(datagram.substr(sizeof size, size));
        if (!record) return false;
        each(*record);
        datagram.remove_prefix(sizeof size + size);
    }
    return true;
}

Collector::Collector(ipc::Daemon& daemon) : daemon_(daemon) {
    configure();
    take_sources();
    daemon_.on_log_source([this] { take_sources(); });
    daemon_.on_reload([this] { configure(); });
    daemon_.loop().at_turn_end([this] { write_out(); });
}

void Collector::configure() {
    const Config& config = daemon_.config();
    format_ = config.text("logging.format") == "json" ? Format::json : Format::text;
    to_file_ = config.text("logging.output") != "stdout";
    file_ = std::make_unique<LogFile>(daemon_.state() / "postern.log", config.number("logging.rotate_size"),
                                      config.number("logging.keep"));
}

void Collector::take_sources() {
    for (ipc::Daemon::LogSource& taken : daemon_.log_sources()) {
        const std::string name = std::string(to_string(taken.from.service)) + "/" + std::to_string(taken.from.instance);
        std::erase_if(sources_, [&](const auto& known) { return known->name == name; });
        auto source = std::make_unique<Source>();
        source->name = name;
        source->socket = std::move(taken.socket);
        source->watch = std::make_unique<Watch>(daemon_.loop(), source->socket.get(), Watch::For::read,
                                                [this, s = source.get()] { readable(*s); });
        source->watch->enable();
        sources_.push_back(std::move(source));
    }
    daemon_.log_sources().clear();
}

void Collector::readable(Source& source) {
    static char buffer[log::max_datagram];
    for (int taken = 0; taken < 32; ++taken) {            // then somebody else's turn
        const ssize_t size = ::recv(source.socket.get(), buffer, sizeof buffer, MSG_DONTWAIT);
        if (size <= 0) return;
        const bool whole = parse_datagram({buffer, static_cast<std::size_t>(size)}, [&](const log::LogRecord& record) {
            lines_ += format_line(format_, source.name, record);
            records.add();
        });
        if (!whole) malformed.add();
        if (lines_.size() > 1024 * 1024) write_out();
    }
}

void Collector::write_out() {
    if (lines_.empty()) return;
    if (!to_file_) {
        (void)!::write(STDERR_FILENO, lines_.data(), lines_.size());   // master's, which an operator's journal reads
    } else if (auto done = file_->append(lines_); !done) {
        lost.add();
        (void)!::write(STDERR_FILENO, lines_.data(), lines_.size());
    }
    lines_.clear();
}

} // namespace postern::logd
