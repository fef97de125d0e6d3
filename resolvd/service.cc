#include "resolvd/service.h"

#include "libcommon/counters.h"
#include "libcommon/log.h"
#include "libcommon/text.h"
#include "libcommon/trust.h"

#include <memory>

namespace postern::dns {
namespace {

using Clock = std::chrono::steady_clock;

Counter hits{"dns_cache_hits_total", "", "Questions whose answer was known"};
Counter looked_up{"dns_lookups_total", "", "Questions whose answer was waited for"};
Counter microseconds{"dns_lookup_microseconds_total", "", "How long those waited together"};
Gauge entries{"dns_cache_entries", "", "Answers that are known"};
Gauge bytes{"dns_cache_bytes", "", "What they take, about"};
Gauge evicted{"dns_cache_evicted", "", "Answers given up for others since start"};
Gauge running{"dns_lookups_running", "", "Look-ups that servers are asked for now"};
Gauge waiting{"dns_questions_waiting", "", "Questions that wait for an answer now"};

// One counter for each type and status, made when it first counts.
void count(ipc::DnsType type, ipc::DnsStatus status) {
    constexpr auto types = static_cast<std::size_t>(last_enumerator(ipc::DnsType{})) + 1;
    constexpr auto results = static_cast<std::size_t>(last_enumerator(ipc::DnsStatus{})) + 1;
    static std::unique_ptr<Counter> counters[types][results];
    auto& counter = counters[static_cast<std::size_t>(type)][static_cast<std::size_t>(status)];
    if (!counter) {
        const std::string labels = "type=\"" + std::string(to_string(type)) + "\",result=\"" + std::string(to_string(status)) + "\"";
        counter = std::make_unique<Counter>("dns_queries_total", labels, "Questions answered");
    }
    counter->add();
}

} // namespace

Service::Service(ipc::Daemon& daemon)
    : daemon_(daemon), resolver_(daemon.loop()), numbers_(daemon.loop(), [this] { show_numbers(); }) {
    configure();
    daemon_.on<ipc::DnsQuery>([this](ipc::Incoming<ipc::DnsQuery> in) { answer(in); });
    daemon_.on<ipc::DnsFlush>([this](ipc::Incoming<ipc::DnsFlush> in) {
        const auto& name = in.message.name;
        ipc::DnsFlushed flushed;
        flushed.answers = static_cast<std::uint32_t>(resolver_.flush(name ? std::optional(name->view()) : std::nullopt));
        log::info("resolvd.flush", {{"name", name ? printable(name->view()) : "*"}, {"answers", flushed.answers}});
        in.reply(flushed);
    });
    daemon_.on_reload([this] { configure(); });
    daemon_.on_drain([this] { daemon_.drained(); });
    numbers_.every(std::chrono::seconds(1));
}

void Service::configure() {
    const Config& config = daemon_.config();
    const auto seconds = [&](std::string_view key) { return std::chrono::duration_cast<std::chrono::seconds>(config.duration(key)); };
    Settings settings;
    settings.servers = servers();
    settings.patience = {config.duration("dns.timeout"), config.duration("dns.deadline"),
                         static_cast<unsigned>(config.number("dns.attempts"))};
    settings.max_lookups = config.size("dns.max_lookups");
    settings.max_waiting = config.size("dns.max_waiting");
    settings.cache_entries = config.size("dns.cache_entries");
    settings.cache_bytes = config.size("dns.cache_size");
    settings.min_ttl = seconds("dns.min_ttl");
    settings.max_ttl = seconds("dns.max_ttl");
    settings.max_negative_ttl = seconds("dns.max_negative_ttl");
    settings.failure_ttl = seconds("dns.failure_ttl");
    std::string names;
    for (const Server& server : settings.servers) names += (names.empty() ? "" : " ") + server.text() + (server.trusted ? " trusted" : "");
    log::info("resolvd.servers", {{"servers", names}});
    resolver_.configure(std::move(settings), config.flag("dns.hosts") ? Hosts(daemon_.file("/etc/hosts").value_or("")) : Hosts());
}

// Those of postern.yaml, else the host's. A resolv.conf without any means this host, as it says itself.
std::vector<Server> Service::servers() const {
    const Config& config = daemon_.config();
    const Trust trust(config.networks("dns.trusted_servers"), config.networks("dns.untrusted_servers"));
    std::vector<Server> servers;
    for (const std::string& written : config.list("dns.servers")) {      // "127.0.0.1:53", "[::1]:53", as config/ checked
        const auto colon = written.rfind(':');
        std::string_view host = std::string_view(written).substr(0, colon);
        if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
        const auto port = parse_number(std::string_view(written).substr(colon + 1), UINT16_MAX);
        const auto address = IpAddress::parse(host);
        if (address && port) servers.push_back({*address, static_cast<std::uint16_t>(*port), false});
    }
    if (servers.empty()) {
        const ResolvConf conf = read_resolv_conf(daemon_.file("/etc/resolv.conf").value_or(""));
        for (const std::string& skipped : conf.skipped) log::warning("resolvd.resolv_conf.skipped", {{"nameserver", skipped}});
        for (const IpAddress& address : conf.servers) servers.push_back({address});
    }
    if (servers.empty()) servers.push_back({*IpAddress::parse("127.0.0.1")});
    for (Server& server : servers) server.trusted = trust.covers(server.address);
    return servers;
}

void Service::answer(const ipc::Incoming<ipc::DnsQuery>& in) {
    const auto asked = Clock::now();
    const ipc::DnsType type = in.message.record;
    resolver_.ask(in.message.name.view(), type, [asked, type, reply = in.reply](const ipc::DnsAnswer& answer) {
        count(type, answer.status);
        if (answer.cached) {
            hits.add();
        } else {
            looked_up.add();
            microseconds.add(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - asked).count());
        }
        reply(answer);
    });
}

void Service::show_numbers() {
    entries.set(static_cast<std::int64_t>(resolver_.cache().size()));
    bytes.set(static_cast<std::int64_t>(resolver_.cache().bytes()));
    evicted.set(static_cast<std::int64_t>(resolver_.cache().evicted()));
    running.set(static_cast<std::int64_t>(resolver_.running()));
    waiting.set(static_cast<std::int64_t>(resolver_.waiting()));
}

} // namespace postern::dns
