#include "policyd/service.h"

#include "libcommon/counters.h"
#include "libcommon/log.h"
#include "libcommon/text.h"

#include <ctime>

namespace postern::policy {
namespace {

using Clock = std::chrono::steady_clock;

Counter connects{"policy_questions_total", "about=\"client\"", "Questions asked of policyd"};
Counter recipients{"policy_questions_total", "about=\"recipient\"", "Questions asked of policyd"};
Counter limited{"policy_limited_total", "", "Answers of policyd that a rate is used up"};
Counter turned_away{"policy_banned_total", "", "Connections of banned clients"};
Counter strangers{"policy_strangers_total", "", "Connections of clients without history"};
Counter failures{"policy_database_errors_total", "", "Reads and writes of reputation.db that failed"};
Gauge bans{"policy_bans", "", "Networks banned now"};
Gauge tracked{"policy_tracked", "", "Windows that rates are counted in"};
Gauge evicted{"policy_evicted", "", "Windows given up for others since start"};

std::int64_t wall_seconds() { return static_cast<std::int64_t>(std::time(nullptr)); }

void check(const Result<void>& done) {
    if (done) return;
    failures.add();
    log::error("policyd.database", {{"error", done.error().message()}});
}

ipc::AdminResult answer(ipc::AdminStatus status, std::string_view reason = {}) {
    ipc::AdminResult result;
    result.status = status;
    result.reason = reason;
    return result;
}

} // namespace

Service::Service(ipc::Daemon& daemon, sql::Database db) :
    daemon_(daemon), db_(std::move(db)), rates_(daemon.config(), daemon.config().size("policy.max_tracked")),
    tarpit_(daemon.config().size("policy.max_tracked")), clients_(db_), bans_(db_), suppressions_(db_),
    write_(daemon.loop(), [this] { write(); }), tidy_(daemon.loop(), [this] { tidy(); }) {
    configure();
    check(bans_.load(wall_seconds()));
    check(suppressions_.load());
    serve_fronts();
    serve_management();
    serve_suppressions();
    daemon_.on_reload([this] { configure(); });
    daemon_.on_drain([this] {
        write();
        daemon_.drained();
    });
    write_.every(std::chrono::seconds(1));
    tidy_.every(std::chrono::minutes(1));
}

void Service::configure() {
    const Config& config = daemon_.config();
    trust_ = Trust(config.networks("policy.trusted_networks"), config.networks("policy.untrusted_networks"));
    v6_prefix_ = static_cast<unsigned>(config.number("policy.ipv6_prefix"));
    rates_.configure(config, config.size("policy.max_tracked"));
    tarpit_.configure({config.duration("policy.unknown_delay"), config.duration("policy.max_unknown_delay")});
    clients_.configure({std::chrono::duration_cast<std::chrono::seconds>(config.duration("policy.remember_clients")).count(),
                        config.size("policy.max_clients")});
    suppressions_.configure({static_cast<std::uint32_t>(config.number("outbound.suppress_after")),
                             std::chrono::duration_cast<std::chrono::seconds>(config.duration("outbound.suppress_time")).count(),
                             config.size("outbound.max_suppressed")});
}

void Service::serve_fronts() {
    daemon_.on<ipc::CheckClient>([this](ipc::Incoming<ipc::CheckClient> in) { in.reply(at_connect(in.message)); });
    daemon_.on<ipc::CheckRecipient>([this](ipc::Incoming<ipc::CheckRecipient> in) { in.reply(at_recipient(in.message)); });
    daemon_.on<ipc::ReportClient>([this](ipc::Incoming<ipc::ReportClient> in) { note(in.message); });
    daemon_.on<ipc::ReportGuessing>([this](ipc::Incoming<ipc::ReportGuessing> in) { ban_guesser(in.message); });
}

void Service::serve_management() {
    daemon_.on<ipc::ListBans>([this](ipc::Incoming<ipc::ListBans> in) {
        ipc::BanListing listing;
        const std::size_t limit = std::min<std::size_t>(in.message.limit, ipc::max_page);
        for (const Ban& ban : bans_.page(Network::parse(in.message.after.view()), limit))
            listing.rows.push_back({ban.network.text(), ban.since, ban.until, ban.by, ban.reason});
        in.reply(listing);
    });
    daemon_.on<ipc::AddBan>([this](ipc::Incoming<ipc::AddBan> in) { in.reply(add(in.message)); });
    daemon_.on<ipc::ClearBan>([this](ipc::Incoming<ipc::ClearBan> in) { in.reply(clear(in.message)); });
}

// Fronts leave trusted clients out by themselves; one that has not taken a reload yet asks about them.
std::optional<Service::Client> Service::judged(std::string_view address) const {
    const auto client = IpAddress::parse(address);
    if (!client || trust_.covers(*client)) return std::nullopt;
    return Client{*client, client_network(*client, v6_prefix_).text()};
}

ipc::ClientVerdict Service::at_connect(const ipc::CheckClient& question) {
    connects.add();
    ipc::ClientVerdict verdict;
    const auto client = judged(question.client.view());
    if (!client) return verdict;
    if (const Ban* ban = bans_.find(client->address, wall_seconds())) {
        turned_away.add();
        verdict.action = ipc::PolicyAction::banned;
        verdict.retry_after = std::chrono::seconds(ban->until - wall_seconds());
        return verdict;
    }
    if (question.protocol != ipc::Protocol::smtp && question.protocol != ipc::Protocol::submission) return verdict;
    Use use;
    use.client = client->network;
    use.connection = true;
    if (const auto used_up = rates_.take(use, Clock::now())) {
        limited.add();
        verdict.action = ipc::PolicyAction::limited;
        verdict.limit = used_up->kind;
        verdict.retry_after = used_up->retry_after;
    }
    verdict.standing = clients_.standing(client->network, wall_seconds());
    if (verdict.standing == ipc::Standing::stranger) strangers.add();
    return verdict;
}

ipc::RecipientPolicy Service::at_recipient(const ipc::CheckRecipient& question) {
    recipients.add();
    ipc::RecipientPolicy policy;
    const auto client = judged(question.client.view());
    if (!client && !ipc::is_local_user(question.account)) return policy;     // who has no address, but a rate
    if (client) policy.unknown_delay = tarpit_.delay(client->network, Clock::now());
    const Use use{client ? client->network : "local", question.account, ascii_lower(question.sender_domain.view()), false, question.first, true};
    const auto used_up = rates_.take(use, Clock::now());
    if (!used_up) return policy;
    limited.add();
    policy.action = ipc::PolicyAction::limited;
    policy.limit = used_up->kind;
    policy.retry_after = used_up->retry_after;
    log::info("policyd.limit", {{"session", question.trace.text()},
                                {"client", question.client.view()},
                                {"limit", rules()[static_cast<std::size_t>(used_up->kind)].option},
                                {"subject", printable(used_up->subject)},
                                {"retry", used_up->retry_after.count()}});
    return policy;
}

void Service::note(const ipc::ReportClient& report) {
    const auto client = judged(report.client.view());
    if (!client) return;
    if (report.unknown_recipients != 0) tarpit_.missed(client->network, report.unknown_recipients, Clock::now());
    if (report.messages != 0) clients_.brought_mail(client->network, wall_seconds());
    else if (report.waited) clients_.waited(client->network, wall_seconds());
}

void Service::ban_guesser(const ipc::ReportGuessing& report) {
    const auto client = judged(report.client.view());
    if (!client) return;
    const std::int64_t now = wall_seconds();
    check(bans_.add({client_network(client->address, v6_prefix_), now, now + report.duration.count(), "authd",
                     std::to_string(report.failures) + " failed logins"},
                    trust_));
    bans.set(static_cast<std::int64_t>(bans_.size()));
}

ipc::AdminResult Service::add(const ipc::AddBan& request) {
    const auto network = Network::parse(request.network.view());
    if (!network) return answer(ipc::AdminStatus::invalid, "not an address or a network like 192.0.2.0/24");
    constexpr std::uint64_t longest = 10 * 365 * 86'400ULL;
    if (request.duration == 0 || request.duration > longest) return answer(ipc::AdminStatus::invalid, "a ban lasts up to ten years");
    const std::int64_t now = wall_seconds();
    const auto added = bans_.add({*network, now, now + static_cast<std::int64_t>(request.duration),
                                  printable(request.actor.who.view(), 64).substr(0, 64),
                                  printable(request.reason.view()).substr(0, 200)},
                                 trust_);
    bans.set(static_cast<std::int64_t>(bans_.size()));
    if (added) return answer(ipc::AdminStatus::ok);
    const bool refused = added.error().code() == Errc::invalid;
    return answer(refused ? ipc::AdminStatus::invalid : ipc::AdminStatus::unavailable, added.error().message());
}

ipc::AdminResult Service::clear(const ipc::ClearBan& request) {
    const auto network = Network::parse(request.network.view());
    if (!network) return answer(ipc::AdminStatus::invalid, "not an address or a network like 192.0.2.0/24");
    const auto cleared = bans_.clear(*network);
    bans.set(static_cast<std::int64_t>(bans_.size()));
    if (!cleared) return answer(ipc::AdminStatus::unavailable, cleared.error().message());
    return answer(*cleared != 0 ? ipc::AdminStatus::ok : ipc::AdminStatus::not_found, "not banned");
}

void Service::write() {
    check(clients_.write());
    check(suppressions_.write());
    count_suppressions();
    tracked.set(static_cast<std::int64_t>(rates_.windows().size()));
    evicted.set(static_cast<std::int64_t>(rates_.windows().evicted()));
}

void Service::tidy() {
    bans_.expire(wall_seconds());
    bans.set(static_cast<std::int64_t>(bans_.size()));
    suppressions_.expire(wall_seconds());
    check(clients_.remove_old(wall_seconds()));
}

} // namespace postern::policy
