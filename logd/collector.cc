#include "logd/collector.h"

#include "libcommon/counters.h"

#include <algorithm>
#include <chrono>
#include <sys/socket.h>
#include <unistd.h>

namespace postern::logd {
namespace {

Counter records{"log_records_total", "", "Events written to the log"};
Counter malformed{"log_records_malformed_total", "", "Datagrams that did not decode"};
Counter lost{"log_records_lost_total", "", "Events that could not be written"};

// Names are written as they are: one with a line end in it, from a process somebody broke into, would be two events.
bool is_word(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    });
}

bool has_good_names(const log::LogRecord& record) {
    return is_word(record.name.view()) &&
           std::all_of(record.values.begin(), record.values.end(), [](const auto& field) { return is_word(field.key.view()); });
}

} // namespace

bool parse_datagram(std::string_view datagram, const std::function<void(const log::LogRecord&, std::string_view)>& each) {
    while (!datagram.empty()) {
        std::uint32_t size = 0;
        if (!Reader(datagram).get(size) || size > log::max_record || size > datagram.size() - sizeof size) return false;
        const std::string_view encoded = datagram.substr(sizeof size, size);
        auto record = decode<log::LogRecord>(encoded);
        if (!record || !has_good_names(*record)) return false;
        each(*record, encoded);
        datagram.remove_prefix(sizeof size + size);
    }
    return true;
}

Collector::Collector(ipc::Daemon& daemon) : daemon_(daemon), syslog_(daemon.loop(), [&daemon] { daemon.want_syslog(); }) {
    configure();
    take_sources();
    syslog_.use(daemon_.take_syslog());
    daemon_.on_syslog([this] { syslog_.use(daemon_.take_syslog()); });
    daemon_.on<ipc::HistoryQuery>([this](const ipc::Incoming<ipc::HistoryQuery>& in) { answer(in); });
    // logd is the last to drain: what the others said in theirs is written, and kept, before it goes.
    daemon_.on_drain([this] {
        write_out();
        recorder_.reset();
        daemon_.drained();
    });
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
    syslog_.set_active(!config.text("logging.syslog").empty());
    configure_history();
}

// The old recorder writes what it has before the new one opens the files.
void Collector::configure_history() {
    const Config& config = daemon_.config();
    const History::Options wanted{daemon_.state() / "history", config.number("logging.history_size"),
                                  std::chrono::microseconds(config.duration("logging.history_age")).count()};
    if (recorder_ && wanted == history_options_) return;
    recorder_.reset();
    history_options_ = wanted;
    recorder_ = std::make_unique<Recorder>(daemon_.loop(), wanted);
}

void Collector::answer(const ipc::Incoming<ipc::HistoryQuery>& in) {
    const auto& query = in.message;
    const auto page = [this, reply = in.reply, skip = query.skip](const Recorder::Answer& answer) {
        const std::vector<Kept>& events = answer.explanation.events;
        ipc::HistoryTimeline out{.status = ipc::HistoryStatus::ok, .events = {}, .total = events.size(),
                                 .truncated = answer.explanation.truncated,
                                 .history_from = answer.history_from_us / 1'000'000,
                                 .log_files_from = file_->oldest_line().value_or(0)};
        for (std::size_t i = skip; i < events.size() && out.events.size() < out.events.limit; ++i)
            out.events.push_back({events[i].source, encode(events[i].record)});
        reply(out);
    };
    const std::int64_t since = std::clamp<std::int64_t>(query.since, 0, INT64_MAX / 1'000'000) * 1'000'000;
    if (recorder_ && recorder_->ask(query.key.value, since, page)) return;
    in.reply({.status = recorder_ && recorder_->enabled() ? ipc::HistoryStatus::busy : ipc::HistoryStatus::off, .events = {}});
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
        const bool whole = parse_datagram({buffer, static_cast<std::size_t>(size)}, [&](const log::LogRecord& record, std::string_view encoded) {
            lines_ += format_line(format_, source.name, record);
            syslog_.send(source.name, record);
            if (recorder_) recorder_->keep(source.name, encoded, record);
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
