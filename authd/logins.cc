#include "authd/logins.h"

#include "authd/address.h"
#include "authd/saslprep.h"
#include "libcommon/counters.h"
#include "libcommon/log.h"
#include "libcommon/text.h"

#include <algorithm>

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
    LoginAccount account;            // id 0: there is none
    Done done;
    // What was typed, prepared by SASLprep first, then as it came where that differs: hashes from before passwords were
    // prepared still count. Empty for a login that was proven without.
    std::vector<Verifier::Password> forms;
    std::size_t form = 0;
    AppPassword app;                 // the one it may be, by its first group; id 0: the account's own

    Guard::Attempt guarded() const { return {account.id, request.username.view(), request.client.view()}; }
    std::string by() const {         // for the log
        if (forms.empty()) return "proof";
        return app.id != 0 ? "app-password " + printable(app.name) : "password";
    }
};

namespace {

std::vector<Verifier::Password> forms_of(Secret typed) {
    std::vector<Verifier::Password> forms;
    auto prepared = saslprep(typed.view(), PrepFor::query);
    const bool differs = !prepared || *prepared != typed.view();
    if (prepared) forms.push_back(std::make_shared<const Secret>(std::move(*prepared)));
    if (differs) forms.push_back(std::make_shared<const Secret>(std::move(typed)));
    return forms;
}

} // namespace

Logins::Logins(Database& db, Verifier& verifier, Handles& handles, Guard& guard, std::function<Time()> clock,
               std::function<std::int64_t()> wall, Later later)
    : db_(db), verifier_(verifier), handles_(handles), guard_(guard), clock_(std::move(clock)), wall_(std::move(wall)),
      later_(std::move(later)) {}

// Somebody's or nobody's: the same questions to the database.
Result<LoginAccount> Logins::account_of(const ipc::Login& request) {
    const bool own = same_identity(request.authzid, request.username);
    const auto id = account_at(db_, request.username);
    if (!id && id.error().code() == Errc::io) return id.error();
    auto account = login_account(db_, id && own ? *id : 0);
    if (!account && account.error().code() == Errc::not_found) return LoginAccount{};
    return account;
}

void Logins::login(Front front, ipc::Login request, Done done) {
    auto forms = forms_of(Secret(std::move(request.password.value)));
    Attempt attempt{std::move(front), std::move(request), {}, std::move(done), std::move(forms), 0, {}};
    if (!listed(fronts, {attempt.front.peer.service, attempt.request.protocol})) return refuse(attempt, "role");
    auto account = account_of(attempt.request);
    if (!account) return unavailable(attempt, account.error().message());
    attempt.account = std::move(*account);
    if (auto typed = as_app_password(attempt.forms.front()->view())) {
        auto app = app_password_of(db_, attempt.account.id, selector_of(*typed));
        if (!app) return unavailable(attempt, app.error().message());
        attempt.app = std::move(*app);
        if (attempt.app.id != 0) attempt.forms = {std::make_shared<const Secret>(std::move(*typed))};
    }
    if (guard_.locked_out(attempt.guarded(), clock_())) return refuse(attempt, "locked");
    verify(std::move(attempt));
}

void Logins::verify(Attempt attempt) {
    const AccountId account = attempt.account.id;
    const std::uint64_t app = attempt.app.id;
    const std::string hash = app != 0 ? attempt.app.hash : attempt.account.hash;
    const auto password = attempt.forms[attempt.form];
    verifier_.verify(account, hash, password, clock_(), [this, attempt = std::move(attempt)](Verifier::Answer answer) {
        answered(attempt, answer);
    }, app);
}

void Logins::answered(Attempt attempt, Verifier::Answer answer) {
    if (answer == Verifier::Answer::unavailable) return unavailable(attempt, "busy");
    if (answer == Verifier::Answer::wrong && attempt.form + 1 < attempt.forms.size()) {
        ++attempt.form;
        return verify(std::move(attempt));
    }
    if (attempt.account.id == 0) return refuse(attempt, "unknown");
    if (answer == Verifier::Answer::wrong) return refuse(attempt, attempt.app.id != 0 ? "app-password" : "password");
    admit(attempt);
}

void Logins::conclude(Front front, ipc::Login request, LoginAccount account, const Outcome& outcome, Done done) {
    const Attempt attempt{std::move(front), std::move(request), std::move(account), std::move(done), {}, 0, {}};
    if (const auto* failed = std::get_if<Unavailable>(&outcome)) return unavailable(attempt, failed->why);
    if (!listed(fronts, {attempt.front.peer.service, attempt.request.protocol})) return refuse(attempt, "role");
    if (const auto* denied = std::get_if<Denied>(&outcome))
        return refuse(attempt, attempt.account.id == 0 && denied->why == "password" ? "unknown" : denied->why);
    if (attempt.account.id == 0) return refuse(attempt, "unknown");
    admit(attempt);
}

std::string_view Logins::app_password_refusal(const Attempt& attempt, const AppPassword& now) const {
    if (now.hash != attempt.app.hash) return "changed";
    if (has_expired(now, wall_())) return "expired";
    return is_in_scope(now, attempt.request.protocol) ? "" : "scope";
}

// The account as it is now decides, not as it was 20 ms ago.
void Logins::admit(const Attempt& attempt) {
    auto account = login_account(db_, attempt.account.id);
    if (!account && account.error().code() != Errc::not_found) return unavailable(attempt, account.error().message());
    if (!account || account->hash != attempt.account.hash) return refuse(attempt, "changed");
    if (!account->may_log_in) return refuse(attempt, "inactive");
    if (attempt.app.id != 0) {
        auto app = app_password_of(db_, account->id, selector_of(attempt.forms.front()->view()));
        if (!app) return unavailable(attempt, app.error().message());
        if (const auto why = app_password_refusal(attempt, *app); !why.empty()) return refuse(attempt, why);
    }
    if (guard_.locked_out(attempt.guarded(), clock_())) return refuse(attempt, "locked");
    const auto wait = guard_.succeeded(attempt.guarded(), clock_(), wall_());
    if (wait.count() == 0) accept(attempt);
    else later_(wait, [this, attempt] { accept(attempt); });
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
                                {"client", attempt.request.client.view()},
                                {"by", attempt.by()}});
    logged_in_.insert(attempt.account.id);
    if (attempt.app.id != 0) used_.insert(attempt.app.id);
    attempt.done({LoginStatus::ok, *handle, attempt.account.id, attempt.account.address});
    if (wants_new_forms(attempt)) store_new_forms(attempt);
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

// After a right password in clear: a hash of another cost, or of what was typed before it was prepared; a password set before
// there were verifiers, or imported as a hash; a new opt-in.
bool Logins::wants_new_forms(const Attempt& attempt) const {
    if (attempt.forms.empty() || attempt.app.id != 0) return false;
    if (verifier_.needs_rehash(attempt.account.hash)) return true;
    if (!saslprep(attempt.forms.front()->view(), PrepFor::stored)) return false;   // it has no other forms
    const LoginAccount& account = attempt.account;
    return attempt.form != 0 || account.scram.empty() || (account.wants_cram_md5 && account.cram_md5.empty());
}

void Logins::store_new_forms(const Attempt& attempt) {
    const AccountId account = attempt.account.id;
    if (!rehashing_.insert(account).second) return;
    verifier_.derive(attempt.forms.front(), [this, account, old = attempt.account.hash](Result<StoredPassword> made) {
        rehashing_.erase(account);
        if (!made) return;                                 // busy: the next login tries again
        auto stored = replace_password(db_, account, old, *made);
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
    if (logged_in_.empty() && used_.empty()) return;
    Transaction transaction(db_);
    if (!guard_.write(now)) return;
    for (AccountId account : logged_in_)
        if (auto stored = store_last_login(db_, account, now); !stored) return;
    for (std::uint64_t app_password : used_)
        if (auto stored = store_last_used(db_, app_password, now); !stored) return;
    if (!transaction.commit()) return;
    logged_in_.clear();
    used_.clear();
    guard_.written();
}

} // namespace postern::authd
