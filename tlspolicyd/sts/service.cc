#include "tlspolicyd/sts/service.h"

#include "ipc/ask_dns.h"
#include "libcommon/counters.h"
#include "libcommon/log.h"

#include <ctime>
#include <memory>

namespace postern::sts {
namespace {

constexpr std::chrono::minutes fetch_time{1};        // RFC 8461 section 3.3
constexpr std::chrono::seconds fetch_margin{15};     // for fetch to say so

Gauge kept{"tls_sts_policies", "", "MTA-STS policies that are known"};
Counter failures{"tls_sts_failures_total", "", "MTA-STS policies that are announced and could not be had"};

// One counter for each answer, made when it first counts.
void count(const ipc::TlsPolicy& policy) {
    static std::unique_ptr<Counter> counters[static_cast<std::size_t>(last_enumerator(ipc::StsMode{})) + 2];
    const std::size_t place = policy.known ? static_cast<std::size_t>(policy.mode) : std::size(counters) - 1;
    if (!counters[place])
        counters[place] = std::make_unique<Counter>("tls_sts_questions_total", "mode=\"" + std::string(policy.known ? to_string(policy.mode) : "unknown") + "\"",
                                                    "Questions for policies, by the answer");
    counters[place]->add();
}

} // namespace

Service::Service(ipc::Daemon& daemon, sql::Database db, std::function<void(const Failure&)> failed)
    : daemon_(daemon), db_(std::move(db)), store_(db_), policies_(daemon.loop(), store_, outside(std::move(failed))),
      refresh_(daemon.loop(), [this] { policies_.refresh(); }), tidy_(daemon.loop(), [this] { tidy(); }) {
    configure();
    daemon_.on<ipc::TlsPolicyQuery>([this](const ipc::Incoming<ipc::TlsPolicyQuery>& in) {
        policies_.ask(in.message.domain.view(), in.message.renew, [reply = in.reply](const ipc::TlsPolicy& policy) {
            count(policy);
            reply(policy);
        });
    });
    refresh_.every(std::chrono::minutes(1));
    tidy_.every(std::chrono::minutes(1));
    tidy();
}

void Service::configure() {
    const Config& config = daemon_.config();
    policies_.configure({static_cast<std::uint16_t>(config.number("outbound.mta_sts_port")), config.duration("outbound.mta_sts_patience"),
                         config.size("outbound.mta_sts_max_domains")});
}

Outside Service::outside(std::function<void(const Failure&)> failed) {
    Outside outside;
    outside.txt = [this](const std::string& name, std::function<void(const ipc::DnsAnswer&)> done) {
        ipc::ask_dns(daemon_, name, ipc::DnsType::txt, std::move(done));
    };
    outside.get = [this](const std::string& url, std::function<void(const ipc::HttpReply&)> done) {
        ipc::HttpRequest request;
        request.url = url;
        request.max_body = max_policy_size;
        request.timeout = fetch_time;
        daemon_.link(ipc::ServiceId::fetch).call<ipc::HttpRequest>(request, [done = std::move(done)](Result<ipc::HttpReply> reply) {
            if (reply) return done(*reply);
            ipc::HttpReply unanswered;
            unanswered.status = ipc::HttpStatus::busy;           // fetch is not there: no fault of the domain's
            unanswered.reason = reply.error().message().substr(0, decltype(unanswered.reason)::limit);
            done(unanswered);
        }, fetch_time + fetch_margin);
    };
    outside.now = [] { return static_cast<std::int64_t>(std::time(nullptr)); };
    outside.failed = [failed = std::move(failed)](const Failure& failure) {
        failures.add();
        if (failed) failed(failure);
    };
    return outside;
}

void Service::tidy() {
    const auto left = policies_.tidy();
    if (left) kept.set(static_cast<std::int64_t>(*left));
    else log::error("tlspolicyd.database", {{"error", left.error().message()}});
}

} // namespace postern::sts
