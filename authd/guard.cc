#include "authd/guard.h"

#include "authd/address.h"
#include "libcommon/counters.h"
#include "libcommon/log.h"
#include "libcommon/text.h"

#include <algorithm>

namespace postern::authd {
namespace {

Counter lockouts{"auth_lockouts_total", "", "Clients locked out of an account"};
Counter bans{"auth_bans_total", "", "Clients banned for guessing passwords"};
Counter slowed{"auth_slowed_total", "", "Logins at accounts that are being guessed at"};

constexpr std::chrono::milliseconds longest_delay = std::chrono::seconds(8), account_delay = std::chrono::seconds(1);
constexpr double busy_account = 20;                      // failures of all clients from which on an account is slow
constexpr std::chrono::minutes between_sweeps{1};

// The key ends with the network: an operator forgives by it.
std::string_view network_in(std::string_view key) { return key.substr(key.rfind(' ') + 1); }

} // namespace

Guard::Source Guard::source_of(const Attempt& attempt) const {
    const auto address = IpAddress::parse(attempt.client);
    if (!address) return {};                             // "local"
    return {*address, client_network(*address, settings_.v6_prefix).text(), settings_.trust.covers(*address)};
}

std::string Guard::name_of(const Attempt& attempt) {
    if (attempt.account != 0) return std::to_string(attempt.account);
    const auto address = canonical(attempt.username);
    return address ? address->text() : printable(attempt.username, attempt.username.size());
}

bool Guard::safe(const Attempt& attempt, const Source& source) {
    return source.trusted || (attempt.account != 0 && known_.knows(attempt.account, source.network));
}

bool Guard::locked_out(const Attempt& attempt, Time now) {
    if (locked_.empty()) return false;
    const Source source = source_of(attempt);
    const auto found = locked_.find(name_of(attempt) + " " + source.network);
    return found != locked_.end() && found->second > now && !safe(attempt, source);
}

std::chrono::milliseconds Guard::failed(const Attempt& attempt, Time now) {
    const Source source = source_of(attempt);
    const std::string name = name_of(attempt), pair = name + " " + source.network;
    accounts_.add(name, window(), now);
    if (source.trusted) return slowdown(attempt, now);
    // What is refused unseen is not a failure of this pair: else a forgotten phone would never come out of its lock.
    if (!locked_out(attempt, now)) pairs_.add(pair, window(), now);
    clients_.add(source.network, window(), now);
    const double failures = pairs_.count(pair, window(), now);
    if (settings_.lockout_failures != 0 && failures >= static_cast<double>(settings_.lockout_failures) && !safe(attempt, source))
        lock(pair, attempt, source, now);
    consider_ban(source, now);
    // Who tries one password at each of many accounts is slow too.
    const double count = std::max(failures, clients_.count(source.network, window(), now) / 4);
    const auto doublings = static_cast<unsigned>(std::clamp(count - 1, 0.0, 20.0));
    return std::min(settings_.first_delay * (std::int64_t{1} << doublings), longest_delay) + slowdown(attempt, now);
}

std::chrono::milliseconds Guard::succeeded(const Attempt& attempt, Time now, std::int64_t wall_seconds) {
    const Source source = source_of(attempt);
    if (safe(attempt, source)) {
        if (!source.trusted) known_.note(attempt.account, source.network, wall_seconds);
        return {};
    }
    known_.note(attempt.account, source.network, wall_seconds);
    return slowdown(attempt, now);
}

std::chrono::milliseconds Guard::slowdown(const Attempt& attempt, Time now) const {
    if (accounts_.count(name_of(attempt), window(), now) < busy_account) return {};
    slowed.add();
    return account_delay;
}

void Guard::lock(const std::string& pair, const Attempt& attempt, const Source& source, Time now) {
    if (now - swept_ > between_sweeps) {
        swept_ = now;
        std::erase_if(locked_, [&](const auto& row) { return row.second <= now; });
    }
    if (locked_.size() >= most) return;
    Time& until = locked_[pair];
    if (until > now) return;
    until = now + settings_.lockout_time;
    lockouts.add();
    log::warning("auth.lockout", {{"client", source.address.text()},
                                  {"seconds", std::chrono::duration_cast<std::chrono::seconds>(settings_.lockout_time).count()},
                                  {"account", attempt.account},
                                  {"username", printable(attempt.username)}});
}

void Guard::consider_ban(const Source& source, Time now) {
    const auto failures = static_cast<std::uint32_t>(clients_.count(source.network, window(), now));
    if (settings_.ban_failures == 0 || failures < settings_.ban_failures || known_.anybody_at(source.network)) return;
    clients_.forget([&](std::string_view key) { return key == source.network; });    // the next ban needs as many again
    bans.add();
    log::warning("auth.ban", {{"client", source.address.text()}, {"failures", failures}, {"seconds", settings_.ban_time.count()}});
    if (ban_) ban_({source.address.text(), failures, settings_.ban_time});
}

std::size_t Guard::forget(const Network& network) {
    const auto inside = [&](std::string_view key) {
        const auto source = Network::parse(network_in(key));
        return source && network.contains(source->first());
    };
    std::size_t forgotten = pairs_.forget(inside) + clients_.forget(inside);
    forgotten += std::erase_if(locked_, [&](const auto& row) { return inside(row.first); });
    return forgotten;
}

} // namespace postern::authd
