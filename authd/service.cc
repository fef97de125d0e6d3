#include "authd/service.h"

#include "authd/accounts.h"
#include "authd/aliases.h"
#include "authd/app_password.h"
#include "authd/audit.h"
#include "authd/backup_recipients.h"
#include "authd/domains.h"
#include "authd/groups.h"
#include "authd/organizations.h"
#include "authd/send_as.h"
#include "ipc/policy.h"
#include "libcommon/counters.h"
#include "libcommon/log.h"

#include <ctime>

namespace postern::authd {
namespace {

Gauge handles_gauge{"auth_handles", "", "Identity handles that stand for a session or a login"};

unsigned thread_count(const Config& config) {
    const auto wanted = static_cast<unsigned>(config.number("auth.hash_threads"));
    return wanted != 0 ? wanted : std::max(1U, std::thread::hardware_concurrency());
}

std::chrono::steady_clock::time_point steady_now() { return std::chrono::steady_clock::now(); }
std::int64_t wall_seconds() { return static_cast<std::int64_t>(std::time(nullptr)); }

// Who asks, and whether an answer would still reach it.
Logins::Front front_of(const std::shared_ptr<ipc::Channel>& channel) {
    return {channel->peer(), [weak = std::weak_ptr(channel)] {
                const auto alive = weak.lock();
                return alive && alive->is_open();
            }};
}

ipc::MailboxLimits limits_of(const ipc::AccountRow& account) {
    return {account.effective_quota_bytes, account.effective_quota_messages};
}

ForwardingSettings forwarding_of(const Config& config) {
    return {.rewrite = config.flag("srs.rewrite"),
            .return_anything = config.flag("srs.return_anything"),
            .max_days = std::chrono::duration_cast<std::chrono::days>(config.duration("srs.max_age")).count()};
}

HashCost cost_of(const Config& config) {
    return {.memory_kib = static_cast<std::uint32_t>(config.number("auth.hash_memory") / 1024),
            .passes = static_cast<std::uint32_t>(config.number("auth.hash_passes")),
            .lanes = static_cast<std::uint32_t>(config.number("auth.hash_lanes"))};
}

} // namespace

Service::Service(ipc::Daemon& daemon, Database db, LocalUsers local_users)
    : daemon_(daemon), policyd_(daemon.link(ipc::ServiceId::policyd)), db_(std::move(db)), local_users_(std::move(local_users)),
      resolver_(db_, uses_, {daemon.config().text("auth.postmaster"), daemon.config().list("auth.role_addresses")}, wall_seconds),
      handles_(daemon.config().duration("auth.handle_life"), daemon.config().size("auth.max_handles")),
      pool_([&daemon](std::function<void()> done) { daemon.loop().post(std::move(done)); },
            thread_count(daemon.config()), daemon.config().size("auth.hash_queue")),
      verifier_(pool_, cost_of(daemon.config()), daemon.config().duration("auth.remember_password")),
      guard_(db_),
      logins_(db_, verifier_, handles_, guard_, steady_now, wall_seconds,
              [this](std::chrono::milliseconds delay, std::function<void()> task) { later(delay, std::move(task)); }),
      sasl_(db_, logins_, daemon.config().text("server.hostname"), steady_now),
      admin_(db_, resolver_, verifier_, handles_, wall_seconds), last_logins_(daemon.loop(), [this] {
          logins_.write_last_logins(wall_seconds());
          sasl_.expire();
      }) {
    configure();
    guard_.on_ban([this](const Guard::Ban& ban) { policyd_.send(ipc::ReportGuessing{ban.client, ban.failures, ban.duration}); });
    policyd_.keep_up();
    serve_fronts();
    serve_owners();
    serve_management();
    daemon_.on_reload([this] { configure(); });
    last_logins_.every(std::chrono::minutes(1));
    daemon_.on_peer_closed([this](const ipc::Peer& peer) {
        handles_.peer_closed(peer);
        sasl_.peer_closed(peer);
        owners_.peer_closed(peer);
        handles_gauge.set(static_cast<std::int64_t>(handles_.size()));
    });
    daemon_.on_drain([this] {
        logins_.write_last_logins(wall_seconds());
        daemon_.drained();
    });
}

void Service::configure() {
    const Config& config = daemon_.config();
    configure_guard();
    resolver_.configure(forwarding_of(config));
    local_users_.configure(config.text("server.hostname"), config.list("smtp.submit_trusted_users"));
}

void Service::configure_guard() {
    const Config& config = daemon_.config();
    using std::chrono::duration_cast;
    using std::chrono::seconds;
    guard_.configure({.first_delay = config.duration("auth.failure_delay"),
                      .lockout_failures = config.number("auth.lockout_failures"),
                      .lockout_time = config.duration("auth.lockout_time"),
                      .ban_failures = config.number("auth.ban_failures"),
                      .ban_time = duration_cast<seconds>(config.duration("auth.ban_time")),
                      .v6_prefix = static_cast<unsigned>(config.number("policy.ipv6_prefix")),
                      .trust = Trust(config.networks("policy.trusted_networks"), config.networks("policy.untrusted_networks"))});
}

// How many wait is bounded by the connections of the fronts: each has one login at a time.
void Service::later(std::chrono::milliseconds delay, std::function<void()> task) {
    if (delay.count() == 0) return task();
    auto timer = std::make_shared<std::unique_ptr<Timer>>();
    *timer = std::make_unique<Timer>(daemon_.loop(), [timer, task = std::move(task)] {
        task();
        timer->reset();                                    // which owns what runs here
    });
    (*timer)->once(delay);
}

void Service::serve_fronts() {
    daemon_.on<ipc::Login>([this](ipc::Incoming<ipc::Login> in) {
        logins_.login(front_of(in.channel), std::move(in.message), [this, reply = in.reply](const ipc::LoginResult& result) {
            handles_gauge.set(static_cast<std::int64_t>(handles_.size()));
            reply(result);
        });
    });
    daemon_.on<ipc::LocalLogin>([this](ipc::Incoming<ipc::LocalLogin> in) { in.reply(enter(in)); });
    daemon_.on<ipc::SaslStart>([this](ipc::Incoming<ipc::SaslStart> in) {
        sasl_.start(front_of(in.channel), std::move(in.message), in.reply);
    });
    daemon_.on<ipc::SaslStep>([this](ipc::Incoming<ipc::SaslStep> in) {
        sasl_.step(front_of(in.channel), in.message, [this, reply = in.reply](const ipc::SaslReply& result) {
            handles_gauge.set(static_cast<std::int64_t>(handles_.size()));
            reply(result);
        });
    });
    daemon_.on<ipc::SaslAbort>([this](ipc::Incoming<ipc::SaslAbort> in) {
        sasl_.abort(in.channel->peer(), in.message.attempt);
    });
    daemon_.on<ipc::ReleaseHandle>([this](ipc::Incoming<ipc::ReleaseHandle> in) {
        handles_.release(in.channel->peer(), in.message.handle);
        handles_gauge.set(static_cast<std::int64_t>(handles_.size()));
    });
    daemon_.on<ipc::CheckSender>([this](ipc::Incoming<ipc::CheckSender> in) {
        ipc::SenderVerdict verdict;
        AccountId account = 0;
        verdict.verdict = may_send(in.channel->peer(), in.message.handle, in.message.reverse_path, account);
        if (verdict.verdict == ipc::Verdict::allowed) add_size_limit(account, verdict);
        in.reply(verdict);
    });
    daemon_.on<ipc::ResolveRecipient>([this](ipc::Incoming<ipc::ResolveRecipient> in) {
        const auto sender = handles_.session(in.channel->peer(), in.message.handle);
        in.reply(resolver_.recipient(in.message, sender.value_or(0)));
    });
}

// A user of this host needs no password: the connection that smtpd shows is his.
ipc::LoginResult Service::enter(const ipc::Incoming<ipc::LocalLogin>& in) {
    const auto uid = local_users_.owner(in.descriptor.get());
    if (!uid) {
        log::warning("auth.local.denied", {{"session", in.message.trace.text()}, {"why", uid.error().message()}});
        return {ipc::LoginStatus::denied, {}, 0, {}};
    }
    const AccountId account = ipc::local_user(*uid);
    const auto handle = handles_.issue(in.channel->peer(), account, ipc::Protocol::submission, steady_now());
    if (!handle) return {};
    handles_gauge.set(static_cast<std::int64_t>(handles_.size()));
    const std::string address = local_users_.address(*uid);
    log::info("auth.local.ok", {{"session", in.message.trace.text()}, {"uid", *uid}, {"address", address}});
    return {ipc::LoginStatus::ok, *handle, account, address};
}

void Service::serve_owners() {
    daemon_.on<ipc::Redeem>([this](ipc::Incoming<ipc::Redeem> in) {
        in.reply(logins_.redeem(in.channel->peer(), in.message));
    });
    daemon_.on<ipc::AuthorizeRelay>([this](ipc::Incoming<ipc::AuthorizeRelay> in) {
        in.reply(may_leave(in.channel->peer(), in.message));
    });
    daemon_.on<ipc::OwnerReady>([this](const ipc::Incoming<ipc::OwnerReady>& in) { owners_.ready(in); });
    daemon_.on<ipc::ReportUse>([this](const ipc::Incoming<ipc::ReportUse>& in) {
        for (const ipc::MailboxUse& use : in.message.uses) uses_.set(use);
    });
    uses_.on_ask([this](AccountId account, const ipc::MailboxLimits& limits) { return owners_.watch(account, limits); });
}

// A session's mail goes anywhere; everybody else's where an address here leads.
ipc::RelayVerdict Service::may_leave(const ipc::Peer& asker, const ipc::AuthorizeRelay& question) {
    ipc::RelayVerdict verdict;
    verdict.verdict = may_send(asker, question.handle, question.reverse_path, verdict.account);
    if (verdict.verdict != ipc::Verdict::denied || question.recipients.empty()) return verdict;
    verdict.account = 0;
    for (const ipc::ForeignRecipient& recipient : question.recipients) {
        verdict.verdict = resolver_.leads_to(recipient, question.reverse_path);
        if (verdict.verdict != ipc::Verdict::allowed) break;
    }
    return verdict;
}

// An account that cannot be read now is let on: its messages meet the server's limit.
void Service::add_size_limit(AccountId account, ipc::SenderVerdict& verdict) {
    const auto found = login_account(db_, account);
    if (found) verdict.size_limit = found->max_message_bytes;
}

ipc::Verdict Service::may_send(const ipc::Peer& asker, const Handle& handle, std::string_view reverse_path,
                               AccountId& account) {
    const auto session = handles_.session(asker, handle);
    if (!session) return ipc::Verdict::denied;
    account = *session;
    if (ipc::is_local_user(account))
        return local_users_.may_send_as(static_cast<std::uint32_t>(account - ipc::first_local_user), reverse_path);
    return resolver_.may_send_as(account, reverse_path);
}

template <class... M> void Service::serve_changes() {
    (daemon_.on<M>([this](ipc::Incoming<M> in) { in.reply(admin_.change(in.message)); }), ...);
}

template <class... M> void Service::serve_hashed_changes() {
    (daemon_.on<M>([this](ipc::Incoming<M> in) {
        admin_.change(std::move(in.message), [reply = in.reply](const ipc::AdminResult& result) { reply(result); });
    }), ...);
}

// A listing has no way to say that the database failed: the channel goes, and the API says 503.
template <class M> void Service::serve_listing(Result<typename M::Reply> (*list)(Database&, const M&)) {
    daemon_.on<M>([this, list](ipc::Incoming<M> in) {
        auto listing = list(db_, in.message);
        if (listing) return in.reply(*listing);
        log::error("auth.list.failed", {{"error", listing.error().message()}});
        in.channel->close("the database failed");
    });
}

// What its mailbox holds is its imapd's knowledge: asked for, and left out when there is no answer.
void Service::serve_account() {
    daemon_.on<ipc::ShowAccount>([this](ipc::Incoming<ipc::ShowAccount> in) {
        auto entry = show_account(db_, in.message.address);
        if (!entry) {
            log::error("auth.list.failed", {{"error", entry.error().message()}});
            return in.channel->close("the database failed");
        }
        if (!entry->found) return in.reply(*entry);
        owners_.ask(entry->row.id, limits_of(entry->row), [entry = *entry, reply = in.reply](std::optional<ipc::MailboxUse> use) mutable {
            if (use) entry.used_bytes = use->bytes, entry.used_messages = use->messages;
            reply(entry);
        });
    });
}

// Its imapd hears of another quota at once: what waits in the queue for room, and a session that fills the mailbox, will not
// wait for a login. (Of another default of a domain it hears with the next mail for each account.)
void Service::serve_account_changes() {
    daemon_.on<ipc::ChangeAccount>([this](ipc::Incoming<ipc::ChangeAccount> in) {
        const ipc::AdminResult result = admin_.change(in.message);
        in.reply(result);
        const bool quota = in.message.settings.quota_bytes || in.message.settings.quota_messages;
        if (result.status != ipc::AdminStatus::ok || !quota) return;
        const auto entry = show_account(db_, in.message.address);
        if (entry && entry->found) owners_.watch(entry->row.id, limits_of(entry->row));
    });
}

void Service::serve_management() {
    daemon_.on<ipc::ClearBan>([this](ipc::Incoming<ipc::ClearBan> in) {
        const auto network = Network::parse(in.message.network.view());
        ipc::AdminResult result;
        result.status = !network                       ? ipc::AdminStatus::invalid
                        : guard_.forget(*network) != 0 ? ipc::AdminStatus::ok
                                                       : ipc::AdminStatus::not_found;
        in.reply(result);
    });
    serve_changes<ipc::CreateOrganization, ipc::RenameOrganization, ipc::DeleteOrganization, ipc::CreateDomain,
                  ipc::ChangeDomain, ipc::DeleteDomain, ipc::StoreBackupRecipients, ipc::ClearBackupRecipients, ipc::DeleteAccount,
                  ipc::RemoveAppPassword, ipc::AddAddress, ipc::RemoveAddress, ipc::SaveAlias, ipc::DeleteAlias,
                  ipc::SaveGroup, ipc::ChangeMembers, ipc::DeleteGroup, ipc::GrantSendAs, ipc::RevokeSendAs>();
    serve_hashed_changes<ipc::CreateAccount, ipc::ImportAccounts, ipc::SetPassword>();
    daemon_.on<ipc::AddAppPassword>([this](ipc::Incoming<ipc::AddAppPassword> in) {
        admin_.change(std::move(in.message), [reply = in.reply](const ipc::AppPasswordAdded& added) { reply(added); });
    });
    serve_listing<ipc::ListAppPasswords>(list_app_passwords);
    serve_listing<ipc::ListSendAs>(list_send_as);
    serve_listing<ipc::ListOrganizations>(list_organizations);
    serve_listing<ipc::ListDomains>(list_domains);
    serve_listing<ipc::ListBackupRecipients>(list_backup_recipients);
    serve_listing<ipc::ListAccounts>(list_accounts);
    serve_account();
    serve_account_changes();
    serve_listing<ipc::ListAliases>(list_aliases);
    serve_listing<ipc::ListGroups>(list_groups);
    serve_listing<ipc::ListAudit>(list_audit);
}

} // namespace postern::authd
