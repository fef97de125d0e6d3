#include "policyd/bans.h"

#include "libcommon/log.h"

namespace postern::policy {
namespace {

constexpr std::size_t most = 50'000;
constexpr unsigned shortest_v4 = 96 + 8, shortest_v6 = 16;   // beyond, a slip of the hand bans half the world

} // namespace

Result<void> Bans::load(std::int64_t now) {
    sql::Rows rows = db_.query("SELECT network, since, until, by_whom, reason FROM bans");
    while (rows.next()) {
        const auto network = Network::parse(rows.text(0));
        if (network && rows.number(2) > now)
            keep({*network, rows.number(1), rows.number(2), std::string(rows.text(3)), std::string(rows.text(4))});
    }
    if (auto failed = rows.failed()) return *failed;
    return {};
}

void Bans::keep(Ban ban) {
    const auto [at, made] = bans_.try_emplace(ban.network);
    at->second = std::move(ban);
    if (made) ++lengths_[at->first.bits()];
}

Result<void> Bans::add(Ban ban, const Trust& trust) {
    const IpAddress& first = ban.network.first();
    if (trust.covers(first)) return Error(Errc::invalid, "loopback and policy.trusted_networks are never banned");
    if (ban.network.bits() < (first.is_v4() ? shortest_v4 : shortest_v6))
        return Error(Errc::invalid, "a network of that many addresses is not banned");
    if (bans_.size() >= most && bans_.find(ban.network) == bans_.end()) return Error(Errc::no_space, "too many bans");
    auto stored = db_.run("INSERT OR REPLACE INTO bans (network, since, until, by_whom, reason) VALUES (?, ?, ?, ?, ?)",
                          std::string_view(ban.network.text()), ban.since, ban.until, std::string_view(ban.by),
                          std::string_view(ban.reason));
    log::warning("policyd.ban", {{"client", ban.network.text()}, {"until", ban.until}, {"by", ban.by}, {"reason", ban.reason}});
    keep(std::move(ban));
    return stored;
}

Result<void> Bans::remove(std::map<Network, Ban>::iterator at) {
    const std::string network = at->first.text();
    if (const auto length = lengths_.find(at->first.bits()); --length->second == 0) lengths_.erase(length);
    bans_.erase(at);
    log::info("policyd.unban", {{"client", network}});
    return db_.run("DELETE FROM bans WHERE network = ?", std::string_view(network));
}

Result<std::size_t> Bans::clear(const Network& network) {
    std::size_t cleared = 0;
    for (auto at = bans_.begin(); at != bans_.end();) {
        const auto here = at++;
        if (!network.contains(here->first.first()) || here->first.bits() < network.bits()) continue;
        if (auto removed = remove(here); !removed) return removed.error();
        ++cleared;
    }
    return cleared;
}

void Bans::expire(std::int64_t now) {
    for (auto at = bans_.begin(); at != bans_.end();) {
        const auto here = at++;
        if (here->second.until > now) continue;
        if (auto removed = remove(here); !removed) log::error("policyd.database", {{"error", removed.error().message()}});
    }
}

const Ban* Bans::find(const IpAddress& client, std::int64_t now) const {
    for (const auto& [bits, count] : lengths_)
        if (const auto at = bans_.find(Network(client, bits)); at != bans_.end() && at->second.until > now) return &at->second;
    return nullptr;
}

std::vector<Ban> Bans::page(std::optional<Network> after, std::size_t limit) const {
    std::vector<Ban> rows;
    for (auto at = after ? bans_.upper_bound(*after) : bans_.begin(); at != bans_.end() && rows.size() < limit; ++at)
        rows.push_back(at->second);
    return rows;
}

} // namespace postern::policy
