#include "delivery/smtp/service.h"

#include "delivery/smtp/counters.h"
#include "ipc/ask_dns.h"
#include "libcommon/log.h"
#include "libcommon/text.h"

#include <openssl/ssl.h>
#include <stdexcept>

namespace postern::smtp_out {
namespace {

// A drain lets sessions end by themselves for a moment; then what has not sent its message goes back to the queue.
constexpr std::chrono::seconds drain_patience{5};
// Mail goes on without policyd's word.
constexpr std::chrono::seconds suppression_deadline{1};

void tell_faults(const std::vector<std::string>& faults) {
    for (const std::string& fault : faults) log::error("outbound.option.wrong", {{"queue", "all"}, {"option", printable(fault, 200)}});
}

std::uint32_t random_seed() {
    std::uint32_t seed = 0;
    random_bytes(&seed, sizeof seed);
    return seed;
}

} // namespace

Prepared prepare() {
    OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, nullptr);
    return {Ourselves::interface_addresses()};
}

Service::Service(ipc::Daemon& daemon, Prepared prepared)
    : daemon_(daemon), prepared_(std::move(prepared)), pool_(daemon.loop(), settings_), chance_(random_seed()),
      tally_(daemon.loop(), [this](const ipc::TlsResults& results) {
          ipc::Link& tlspolicyd = daemon_.link(ipc::ServiceId::tlspolicyd);
          if (tlspolicyd.is_up()) tlspolicyd.send(results);
          return tlspolicyd.is_up();
      }),
      notes_(daemon.loop(), [this](const ipc::NoteAddresses& notes) {
          if (ipc::Link& policyd = daemon_.link(ipc::ServiceId::policyd); policyd.is_up()) policyd.send(notes);
      }),
      around_{daemon.loop(), settings_, ourselves_, nullptr,
              [this](const std::string& name, ipc::DnsType type, std::function<void(const ipc::DnsAnswer&)> done) {
                  ipc::ask_dns(daemon_, name, type, std::move(done));
              },
              [this](const std::string& domain, std::function<void(std::optional<ipc::TlsPolicy>)> done) {
                  ask_policy(domain, std::move(done));
              },
              [this](const ipc::CheckAddresses& question, std::function<void(const ipc::AddressVerdicts&)> done) {
                  ask_suppressed(question, std::move(done));
              },
              pool_, chance_, tally_, notes_},
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
    daemon_.link(ipc::ServiceId::tlspolicyd).keep_up();
    daemon_.link(ipc::ServiceId::policyd).keep_up();
    daemon_.on_drain([this] { drain(); });
}

void Service::configure() {
    const Config& config = daemon_.config();
    std::vector<std::string> faults;
    settings_ = read_settings(config, faults);
    read_files(faults);
    tell_faults(faults);
    ourselves_ = {};
    ourselves_.add_name(config.text("server.hostname"));
    ourselves_.add_name(settings_.helo);
    for (const IpAddress& address : prepared_.interfaces) ourselves_.add_address(address);
    for (const Network& network : config.networks("smtp.public_addresses")) ourselves_.add_public(network);
    for (const std::string& listener : config.list("smtp.listen_addr")) ourselves_.add_listener(listener);
    pool_.clear();                           // what was agreed on under the settings before
}

// Master shows them: an empty root has none.
void Service::read_files(std::vector<std::string>& faults) {
    const auto authorities = daemon_.file("outbound.tls_authorities");
    if (!authorities) faults.push_back("outbound.tls_authorities: cannot be read");
    auto tls = tls::ClientContext::make(authorities.value_or(""), settings_.max_tls_sessions);
    if (tls) around_.tls = std::move(*tls);
    else if (around_.tls) faults.push_back("outbound.tls_authorities: " + tls.error().message());
    else throw std::runtime_error(tls.error().message());
    if (const auto credentials = daemon_.file("outbound.credentials")) settings_.credentials = parse_credentials(*credentials, faults);
    else if (!daemon_.config().text("outbound.credentials").empty())
        faults.push_back("outbound.credentials: cannot be read, or others than its owner may");
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

void Service::ask_suppressed(const ipc::CheckAddresses& question, std::function<void(const ipc::AddressVerdicts&)> done) {
    ipc::Link& policyd = daemon_.link(ipc::ServiceId::policyd);
    if (!policyd.is_up()) {
        counters::unasked.add();
        return daemon_.loop().defer([done = std::move(done)] { done({}); });
    }
    policyd.call<ipc::CheckAddresses>(
        question,
        [done = std::move(done)](const Result<ipc::AddressVerdicts>& verdicts) {
            if (!verdicts) counters::unasked.add();
            done(verdicts ? *verdicts : ipc::AddressVerdicts{});
        },
        suppression_deadline);
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
    if (draining_ && running_.empty()) leave();
}

void Service::leave() {
    pool_.clear();
    tally_.flush();
    notes_.flush();
    daemon_.drained();
}

void Service::drain() {
    draining_ = true;
    pool_.clear();
    if (running_.empty()) return leave();
    patience_.once(drain_patience);
}

} // namespace postern::smtp_out
