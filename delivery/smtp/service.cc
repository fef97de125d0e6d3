#include "delivery/smtp/service.h"

#include "delivery/smtp/counters.h"
#include "libcommon/log.h"
#include "libcommon/text.h"

#include <fstream>
#include <iterator>
#include <openssl/ssl.h>
#include <stdexcept>
#include <sys/stat.h>

namespace postern::smtp_out {
namespace {

constexpr std::chrono::seconds dns_deadline{60};           // resolvd gives up long before
// A drain lets sessions end by themselves for a moment; then what has not sent its message goes back to the queue.
constexpr std::chrono::seconds drain_patience{5};

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void tell_faults(const std::vector<std::string>& faults) {
    for (const std::string& fault : faults) log::error("outbound.option.wrong", {{"queue", "all"}, {"option", printable(fault, 200)}});
}

std::map<std::string, Credentials, std::less<>> read_credentials(const std::string& path) {
    struct stat found{};
    if (path.empty()) return {};
    std::vector<std::string> faults;
    std::map<std::string, Credentials, std::less<>> credentials;
    if (::stat(path.c_str(), &found) != 0) faults.push_back("outbound.credentials: cannot be read");
    else if ((found.st_mode & (S_IRWXG | S_IRWXO)) != 0) faults.push_back("outbound.credentials: others than its owner may read it");
    else credentials = parse_credentials(read_file(path), faults);
    tell_faults(faults);
    return credentials;
}

std::uint32_t random_seed() {
    std::uint32_t seed = 0;
    random_bytes(&seed, sizeof seed);
    return seed;
}

} // namespace

Prepared prepare(const Config& config) {
    OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, nullptr);
    Prepared prepared;
    const std::string& path = config.text("outbound.tls_authorities");
    const std::string authorities = read_file(path);
    if (authorities.empty()) tell_faults({"outbound.tls_authorities: no certificates in " + path});
    auto tls = tls::ClientContext::make(authorities);
    if (!tls) throw std::runtime_error(tls.error().message());
    prepared.tls = std::move(*tls);
    prepared.credentials = read_credentials(config.text("outbound.credentials"));
    prepared.interfaces = Ourselves::interface_addresses();
    return prepared;
}

Service::Service(ipc::Daemon& daemon, Prepared prepared)
    : daemon_(daemon), prepared_(std::move(prepared)), pool_(daemon.loop(), settings_), chance_(random_seed()),
      around_{daemon.loop(), settings_, ourselves_, prepared_.tls,
              [this](const std::string& name, ipc::DnsType type, std::function<void(const ipc::DnsAnswer&)> done) {
                  ask(name, type, std::move(done));
              },
              [this](const std::string& domain, std::function<void(std::optional<ipc::TlsPolicy>)> done) {
                  ask_policy(domain, std::move(done));
              },
              pool_, chance_},
      patience_(daemon.loop(), [this] {
          for (const auto& delivery : running_) delivery->stop(deferred("4.3.2", "smtp-out is being stopped"));
      }) {
    configure();
    daemon_.on_reload([this] { configure(); });
    daemon_.on<ipc::Deliver>([this](ipc::Incoming<ipc::Deliver> in) { start(std::move(in)); });
    ipc::Link& qmgr = daemon_.link(ipc::ServiceId::qmgr);
    qmgr.on_up([this](ipc::Channel& channel) { channel.send(ipc::AgentReady{ipc::AgentKind::smtp_out, settings_.max_deliveries}); });
    qmgr.on_down([this] {
        for (const auto& delivery : running_) delivery->check_queue();
    });
    qmgr.connect();
    daemon_.on_drain([this] { drain(); });
}

void Service::configure() {
    const Config& config = daemon_.config();
    std::vector<std::string> faults;
    settings_ = read_settings(config, faults);
    settings_.credentials = prepared_.credentials;
    tell_faults(faults);
    ourselves_ = {};
    ourselves_.add_name(config.text("server.hostname"));
    ourselves_.add_name(settings_.helo);
    for (const IpAddress& address : prepared_.interfaces) ourselves_.add_address(address);
    for (const Network& network : config.networks("smtp.public_addresses")) ourselves_.add_public(network);
    for (const std::string& listener : config.list("smtp.listen_addr")) ourselves_.add_listener(listener);
    pool_.clear();                           // what was agreed on under the settings before
}

void Service::ask(const std::string& name, ipc::DnsType type, std::function<void(const ipc::DnsAnswer&)> done) {
    ipc::DnsQuery query;
    query.name = name.substr(0, decltype(query.name)::limit);
    query.record = type;
    daemon_.link(ipc::ServiceId::resolvd)
        .call<ipc::DnsQuery>(
            query,
            [done = std::move(done)](Result<ipc::DnsAnswer> answer) {
                if (answer) return done(*answer);
                ipc::DnsAnswer none;
                none.reason = answer.error().message().substr(0, decltype(none.reason)::limit);
                done(none);
            },
            dns_deadline);
}

void Service::ask_policy(const std::string& domain, std::function<void(std::optional<ipc::TlsPolicy>)> done) {
    ipc::TlsPolicyQuery query;
    query.domain = domain.substr(0, decltype(query.domain)::limit);
    daemon_.link(ipc::ServiceId::tlspolicyd)
        .call<ipc::TlsPolicyQuery>(
            query,
            [done = std::move(done)](Result<ipc::TlsPolicy> policy) {
                done(policy ? std::optional(std::move(*policy)) : std::nullopt);
            },
            settings_.policy_deadline);
}

void Service::start(ipc::Incoming<ipc::Deliver> in) {
    const auto slot = std::make_shared<std::weak_ptr<Delivery>>();
    const auto delivery = std::make_shared<Delivery>(around_, std::move(in), [this, slot] {
        if (const auto self = slot->lock()) ended(self);
    });
    *slot = delivery;
    running_.insert(delivery);
    counters::running.set(static_cast<std::int64_t>(running_.size()));
    delivery->start();
}

void Service::ended(const std::shared_ptr<Delivery>& delivery) {
    running_.erase(delivery);
    counters::running.set(static_cast<std::int64_t>(running_.size()));
    if (!draining_ || !running_.empty()) return;
    pool_.clear();
    daemon_.drained();
}

void Service::drain() {
    draining_ = true;
    pool_.clear();
    if (running_.empty()) return daemon_.drained();
    patience_.once(drain_patience);
}

} // namespace postern::smtp_out
