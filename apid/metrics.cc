#include "apid/metrics.h"

#include "libcommon/json.h"

#include <algorithm>
#include <map>

#include <fmt/core.h>

namespace postern::api {
namespace {

std::string labels_of(const ipc::Peer& owner, std::string_view own) {
    return fmt::format("{{{}{}service=\"{}\",instance=\"{}\"}}", own, own.empty() ? "" : ",", to_string(owner.service),
                       owner.instance);
}

// HELP is one line: backslash and line feed are escaped, nothing else needs it.
std::string help_text(std::string_view text) {
    std::string out;
    for (const char c : text) out += c == '\\' ? "\\\\" : c == '\n' ? "\\n" : std::string(1, c);
    return out;
}

struct Family {
    MetricKind kind{};
    std::string help;
    std::string lines;
};

// What /health shows, and the gauge each figure is the sum of.
struct Figure {
    std::string_view part, name, metric;
};
constexpr Figure figures[] = {
    {"smtp", "active", "smtp_active_connections"},
    {"imap", "active", "imap_active_sessions"},
    {"queue", "pending", "queue_size"},
    {"queue", "unaccounted", "queue_conservation_difference"},
    {"storage", "bytes_free", "storage_free_bytes"},
    {"storage", "bytes_used", "storage_size_bytes"},
};
// Recipients the queue's account and the queue disagree about: anything but 0 is an alarm (DESIGN section 5, Conservation).
constexpr std::string_view alarm = "queue_conservation_difference";
// Several processes look at the same disk: there the smallest counts, not the sum.
constexpr std::string_view one_for_all = "storage_free_bytes";

std::optional<std::int64_t> value_of(std::span<const ProcessNumbers> processes, std::string_view metric) {
    std::optional<std::int64_t> value;
    for (const ProcessNumbers& process : processes)
        for (const auto& sample : process.samples)
            if (sample.name == metric)
                value = !value ? sample.value
                        : metric == one_for_all ? std::min(*value, sample.value) : *value + sample.value;
    return value;
}

std::size_t processes_of(std::span<const ProcessNumbers> processes, ipc::ServiceId service) {
    return static_cast<std::size_t>(std::count_if(processes.begin(), processes.end(),
                                                  [&](const auto& p) { return p.owner.service == service; }));
}

} // namespace

std::string prometheus_text(std::span<const ProcessNumbers> processes) {
    std::map<std::string, Family> families;
    for (const ProcessNumbers& process : processes) {
        for (const auto& sample : process.samples) {
            Family& family = families[sample.name];
            if (family.lines.empty()) {
                family.kind = sample.kind;
                family.help = help_text(sample.help);
            }
            family.lines += fmt::format("{}{} {}\n", sample.name, labels_of(process.owner, sample.labels), sample.value);
        }
        families["postern_process_generation"].kind = MetricKind::gauge;
        families["postern_process_generation"].help = "Counts the starts of this process";
        families["postern_process_generation"].lines +=
            fmt::format("postern_process_generation{} {}\n", labels_of(process.owner, ""), process.owner.generation);
    }
    std::string out;
    for (const auto& [name, family] : families)
        out += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n{3}", name, family.help,
                           family.kind == MetricKind::counter ? "counter" : "gauge", family.lines);
    return out;
}

http::Response health(std::span<const ProcessNumbers> processes) {
    bool whole = value_of(processes, alarm).value_or(0) == 0;
    json::Value services;
    for (std::size_t i = 0; i < ipc::service_count; ++i) {
        const auto service = static_cast<ipc::ServiceId>(i);
        if (service == ipc::ServiceId::master) continue;           // it starts the one who answers here
        const std::size_t count = processes_of(processes, service);
        whole = whole && count > 0;
        services.set(std::string(to_string(service)), json::Value().set("processes", count));
    }
    json::Value body;
    body.set("status", whole ? "ok" : "degraded").set("services", std::move(services));
    for (std::size_t i = 0; i < std::size(figures);) {
        const std::string_view part = figures[i].part;
        json::Value values = json::Object{};
        for (; i < std::size(figures) && figures[i].part == part; ++i)
            if (const auto value = value_of(processes, figures[i].metric)) values.set(std::string(figures[i].name), *value);
        body.set(std::string(part), std::move(values));
    }
    return {.status = whole ? 200 : 503, .content_type = "application/json", .body = body.dump() + "\n", .headers = {}};
}

} // namespace postern::api
