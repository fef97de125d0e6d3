#include "authd/logins.h"

#include "authd/address.h"
#include "libcommon/counters.h"
#include "libcommon/log.h"
#include "libcommon/text.h"

#include <algorithm>
#include <ctime>

namespace postern::authd {

using ipc::LoginStatus;
using ipc::Protocol;
using ipc::ServiceId;

namespace {

struct Role {
    ServiceId service;
    Protocol protocol;
    bool operator==(const Role&) const = default;
};
constexpr Role fronts[] = {
    {ServiceId::smtpd, Protocol::smtp},
    {ServiceId::smtpd, Protocol::submission},
    {ServiceId::imap_login, Protocol::imap},
};
constexpr Role owners[] = {
    {ServiceId::imapd, Protocol::imap},
};
template <std::size_t N> bool listed(const Role (&roles)[N], const Role& role) {
    return std::find(std::begin(roles), std::end(roles), role) != std::end(roles);
}

constexpr std::string_view protocol_names[] = {"smtp", "submission", "imap", "api"};
std::string_view to_string(Protocol protocol) { return protocol_names[static_cast<std::size_t>(protocol)]; }

Counter logins_ok{"auth_logins_total", "result=\"ok\"", "Logins by name and password"};
Counter logins_denied{"auth_logins_total", "result=\"denied\"", "Logins by name and password"};
Counter logins_unavailable{"auth_logins_total", "result=\"unavailable\"", "Logins by name and password"};

// RFC 4616 section 2: acting as somebody else is a right of its own, which nobody has here.
bool same_identity(std::string_view authzid, std::string_view username) {
    if (authzid.empty()) return true;
    const auto a = canonical(authzid), b = canonical(username);
    return a && b && *a == *b;
}

} // namespace

struct Logins::Attempt {
    Front front;
    ipc::Login request;              // without its password
    Verifier::Password password;
    LoginAccount account;            // id 0: there is none
    Done done;

    Guard::Attempt guarded() const { return {account.id, request.username.view(), request.client.view()}; }
};

Logins::Logins(Database& db, Verifier& verifier, Handles& handles, Guard& guard, std::function<Time()> clock, Later later)
    : db_(db), verifier_(verifier), handles_(handles), guard_(guard), clock_(std::move(clock)), later_(std::move(later)) {}

void Logins::login(Front front, ipc::Login request, Done done) {
    auto password = std::make_shared<const Secret>(std::move(request.password.value));
    Attempt attempt{std::move(front), std::move(request), std::move(password), {}, std::move(done)};
    if (!listed(fronts, {attempt.front.peer.service, attempt.request.protocol})) return refuse(attempt, "role");

    if (same_identity(attempt.request.authzid, attempt.request.username)) {
        auto id = account_at(db_, attempt.request.username);
        auto account = id ? login_account(db_, *id) : Result<LoginAccount>(id.error());
        if (account) attempt.account = std::move(*account);
        else if (account.error().code() == Errc::io) return unavailable(attempt, account.error().message());
    }
    if (guard_.locked_out(attempt.guarded(), clock_())) return refuse(attempt, "locked");
    const AccountId account = attempt.account.id;
    const std::string hash = attempt.account.hash;
    const auto secret = attempt.password;
    verifier_.verify(account, hash, secret, clock_(), [this, attempt = std::move(attempt)](Verifier::Answer answer) {
        answered(attempt, answer);
    });
}

// The account as it is now decides, not as it was 20 ms ago.
void Logins::answered(Attempt attempt, Verifier::Answer answer) {
    if (answer == Verifier::Answer::unavailable) return unavailable(attempt, "busy");
    if (attempt.account.id == 0) return refuse(attempt, "unknown");
    if (answer == Verifier::Answer::wrong) return refuse(attempt, "password");
    auto account = login_account(db_, attempt.account.id);
    if (!account && account.error().code() != Errc::not_found) return unavailable(attempt, account.error().message());
    if (!account || account->hash != attempt.account.hash) return refuse(attempt, "changed");
    if (!account->may_log_in) return refuse(attempt, "inactive");
    if (guard_.locked_out(attempt.guarded(), clock_())) return refuse(attempt, "locked");
    const auto wait = guard_.succeeded(attempt.guarded(), clock_(), std::time(nullptr));
    if (wait.count() == 0) accept(attempt);
    else later_(wait, [this, attempt = std::move(attempt)] { accept(attempt); });
}

void Logins::accept(const Attempt& attempt) {
    if (!attempt.front.still_there()) return;
    const auto handle =
        handles_.issue(attempt.front.peer, attempt.account.id, attempt.request.protocol, clock_());
    if (!handle) return unavailable(attempt, "handles");
    logins_ok.add();
    log::info("auth.login.ok", {{"session", attempt.request.trace.text()},
                                {"account", attempt.account.id},
                                {"address", attempt.account.address},
                                {"protocol", to_string(attempt.request.protocol)},
                                {"client", attempt.request.client.view()}});
    logged_in_.insert(attempt.account.id);
    attempt.done({LoginStatus::ok, *handle, attempt.account.id, attempt.account.address});
    if (verifier_.needs_rehash(attempt.account.hash)) rehash(attempt);
}

// Every denied login passes here, and waits for its answer as long as the guard says. `client` stands before what the
// client chose itself: fail2ban reads this line (etc/fail2ban).
void Logins::refuse(const Attempt& attempt, std::string_view why) {
    logins_denied.add();
    log::warning("auth.login.denied", {{"session", attempt.request.trace.text()},
                                       {"client", attempt.request.client.view()},
                                       {"username", printable(attempt.request.username)},
                                       {"protocol", to_string(attempt.request.protocol)},
                                       {"reason", why}});
    later_(guard_.failed(attempt.guarded(), clock_()), [done = attempt.done] { done({LoginStatus::denied, {}, 0, {}}); });
}

void Logins::unavailable(const Attempt& attempt, std::string_view why) {
    logins_unavailable.add();
    log::warning("auth.login.unavailable", {{"session", attempt.request.trace.text()},
                                            {"client", attempt.request.client.view()},
                                            {"reason", why}});
    attempt.done({LoginStatus::unavailable, {}, 0, {}});
}

void Logins::rehash(const Attempt& attempt) {
    const AccountId account = attempt.account.id;
    if (!rehashing_.insert(account).second) return;
    verifier_.hash(attempt.password, [this, account, old = attempt.account.hash](Result<std::string> hash) {
        rehashing_.erase(account);
        if (!hash) return;                                 // busy: the next login tries again
        auto stored = replace_hash(db_, account, old, *hash);
        if (stored) log::info("auth.rehash", {{"account", account}});
        else log::error("auth.rehash.failed", {{"account", account}, {"error", stored.error().message()}});
        verifier_.forget(account);
    });
}

ipc::Identity Logins::redeem(const ipc::Peer& owner, const ipc::Redeem& request) {
    ipc::Identity identity;
    if (!listed(owners, {owner.service, request.protocol})) return identity;
    const auto id = handles_.redeem(owner, request.handle, request.protocol, clock_());
    if (!id) {
        log::warning("auth.redeem.denied", {{"session", request.trace.text()}, {"by", to_string(owner.service)}});
        return identity;
    }
    auto account = login_account(db_, *id);
    if (!account || !account->may_log_in) return identity;
    identity = {true, account->id, account->address, account->quota_bytes, account->quota_messages};
    return identity;
}

void Logins::write_last_logins(std::int64_t now) {
    if (logged_in_.empty()) return;
    Transaction transaction(db_);
    if (!guard_.write(now)) return;
    for (AccountId account : logged_in_)
        if (auto stored = store_last_login(db_, account, now); !stored) return;
    if (!transaction.commit()) return;
    logged_in_.clear();
    guard_.written();
}

} // namespace postern::authd
