#include "imapd/session/service.h"

#include "libcommon/counters.h"
#include "libcommon/log.h"

#include <ctime>
#include <stdexcept>
#include <sys/statvfs.h>

namespace postern::imapd {
namespace {

Gauge sessions{"imap_active_sessions", "", "IMAP sessions that are logged in"};
Counter deliveries{"mailbox_deliveries_total", "", "Messages put into mailboxes"};

Gauge storage_free{"storage_free_bytes", "", "Free bytes on the file system of the mail root"};
Gauge storage_used{"storage_size_bytes", "", "Used bytes on the file system of the mail root"};

void measure_storage(const std::filesystem::path& root) {
    struct statvfs status {};
    if (::statvfs(root.c_str(), &status) != 0) return;
    storage_free.set(static_cast<std::int64_t>(status.f_bavail * status.f_frsize));
    storage_used.set(static_cast<std::int64_t>((status.f_blocks - status.f_bfree) * status.f_frsize));
}

std::int64_t wall_seconds() { return static_cast<std::int64_t>(std::time(nullptr)); }

constexpr std::chrono::seconds quiet_checkpoint{5};

store::Options store_options(ipc::Daemon& daemon, std::int64_t boot) {
    store::Options options;
    options.boot = boot;
    options.root = daemon.state().string();
    if (const std::string& host = daemon.config().text("server.hostname"); !host.empty()) options.host = host;
    options.instance = daemon.instance();
    options.of = static_cast<std::uint32_t>(daemon.config().number("processes.imapd"));
    options.undelete = std::chrono::hours(24) * daemon.config().number("storage.undelete_days");
    if (daemon.config().text("storage.sync") == "each") options.sync = store::Options::Sync::each;
    options.post = [&loop = daemon.loop()](std::function<void()> task) { loop.post(std::move(task)); };
    return options;
}

ipc::StoreStatus status_of(const Error& error) {
    return error.code() == Errc::over_quota ? ipc::StoreStatus::over_quota
           : error.code() == Errc::no_space ? ipc::StoreStatus::no_space
                                            : ipc::StoreStatus::unavailable;
}

} // namespace

Service::Service(ipc::Daemon& daemon, mail::Charsets& charsets, std::int64_t boot)
    : daemon_(daemon), authd_(daemon.link(ipc::ServiceId::authd)), qmgr_(daemon.link(ipc::ServiceId::qmgr)),
      use_reports_(daemon.loop(), authd_, store_), environment_{charsets, wall_seconds}, maintenance_(daemon.loop(), [this] { maintain(); }),
      clock_(daemon.loop(), [this] { check_times(); }) {
    auto options = store_options(daemon, boot);
    options.changed = [this](AccountId account) { use_reports_.changed(account); };
    auto opened = store::open_store(std::move(options));
    if (!opened) throw std::runtime_error("mail root: " + opened.error().message());
    store_ = std::move(*opened);
    read_settings();

    daemon_.on<ipc::OpenSession>([this](ipc::Incoming<ipc::OpenSession> in) { open_session(std::move(in)); });
    daemon_.on<ipc::StoreMessage>([this](ipc::Incoming<ipc::StoreMessage> in) { store_message(in); });
    daemon_.on<ipc::Checkpoint>([this](ipc::Incoming<ipc::Checkpoint> in) { checkpoint(in); });
    daemon_.on<ipc::ReplayEnded>([this](const ipc::Incoming<ipc::ReplayEnded>& in) {
        if (in.message.instance == daemon_.instance()) store_->replay_done();
    });
    daemon_.on_reload([this] { read_settings(); });
    daemon_.on_drain([this] { drain(); });
    daemon_.on<ipc::WatchUse>([this](const ipc::Incoming<ipc::WatchUse>& in) { in.reply(use_reports_.watch(in.message)); });
    const ipc::OwnerReady ready{daemon_.instance(), static_cast<std::uint32_t>(daemon_.config().number("processes.imapd"))};
    qmgr_.on_up([ready](ipc::Channel& channel) { channel.send(ready); });
    authd_.on_up([this, ready](ipc::Channel& channel) {
        use_reports_.watch_nobody();
        channel.send(ready);
    });
    qmgr_.connect();
    authd_.connect();
    maintenance_.once(std::chrono::seconds(1));
    clock_.every(std::chrono::seconds(5));
}

Service::~Service() = default;

void Service::read_settings() {
    const Config& config = daemon_.config();
    environment_.command_limit = config.size("imap.max_command");
    environment_.message_limit = config.number("imap.max_message");
    environment_.bad_limit = config.size("imap.max_errors");
    silence_ = config.duration("imap.timeout");
    stall_ = config.duration("imap.stall_timeout");
}

void Service::open_session(ipc::Incoming<ipc::OpenSession> in) {
    if (!in.descriptor || draining_) return in.reply({false, "not now"});
    const ipc::Redeem question{in.message.trace, in.message.handle, ipc::Protocol::imap};
    auto waiting = std::make_shared<ipc::Incoming<ipc::OpenSession>>(std::move(in));
    authd_.call<ipc::Redeem>(question, [this, waiting](Result<ipc::Identity> identity) {
        if (!identity || !identity->valid) return waiting->reply({false, "the login is not valid any more"});
        start(*waiting, *identity);
    });
}

void Service::start(ipc::Incoming<ipc::OpenSession>& in, const ipc::Identity& identity) {
    auto account = store_->account(identity.account);
    if (!account) {
        log::error("imapd.account.unavailable", {{"session", in.message.trace.text()},
                                                 {"account", identity.account},
                                                 {"reason", account.error().message()}});
        return in.reply({false, "the mailbox is not available"});
    }
    if (const auto set = (*account)->set_limits(identity.quota_bytes, identity.quota_messages); !set)
        log::warning("imapd.quota.unset", {{"account", identity.account}, {"reason", set.error().message()}});
    auto client =
        std::make_unique<Client>(daemon_.loop(), environment_,
                                 Client::Start{in.message.trace, in.message.handle, std::move(*account),
                                               std::move(in.descriptor), in.message.pending},
                                 [this](Client& gone, std::string_view why) { ended(gone, why); });
    clients_.emplace(client.get(), std::move(client));
    sessions.set(static_cast<std::int64_t>(clients_.size()));
    log::info("imapd.session.open", {{"session", in.message.trace.text()}, {"account", identity.account},
                                     {"client", in.message.client.view()}, {"tls", in.message.tls.view()}});
    in.reply({true, {}});
}

void Service::ended(Client& client, std::string_view why) {
    log::info("imapd.session.close", {{"session", client.trace().text()}, {"reason", why}});
    authd_.send(ipc::ReleaseHandle{client.handle()});
    const auto found = clients_.find(&client);
    daemon_.loop().defer([gone = std::shared_ptr<Client>(std::move(found->second))] {});   // it called us
    clients_.erase(found);
    sessions.set(static_cast<std::int64_t>(clients_.size()));
    if (draining_ && clients_.empty()) daemon_.drained();
}

void Service::store_message(const ipc::Incoming<ipc::StoreMessage>& in) {
    const ipc::StoreMessage& m = in.message;
    auto account = store_->account(m.key.account);
    if (!account) return in.reply({status_of(account.error()), false, account.error().message().substr(0, 256)});
    store::Delivery delivery;
    delivery.key = {m.key.id, m.key.action};
    delivery.mailbox = m.mailbox.empty() ? std::string_view("INBOX") : m.mailbox.view();
    delivery.internal_date = m.arrived;
    delivery.header = m.header;
    delivery.body = m.body;
    delivery.body_file = m.large ? in.descriptor.get() : -1;
    if (m.large && !in.descriptor) return in.reply({ipc::StoreStatus::unavailable, false, "the body did not arrive"});
    const auto delivered = (*account)->deliver(delivery);
    if (!delivered) {
        log::warning("imapd.delivery.failed", {{"session", m.trace.text()},
                                               {"queue", m.key.id.text()},
                                               {"account", m.key.account},
                                               {"reason", delivered.error().message()}});
        return in.reply({status_of(delivered.error()), false, delivered.error().message().substr(0, 256)});
    }
    deliveries.add();
    if (!delivered->again)
        log::info("imapd.delivered", {{"session", m.trace.text()}, {"queue", m.key.id.text()}, {"account", m.key.account},
                                      {"mailbox", delivered->mailbox}, {"uid", delivered->uid}, {"file", delivered->file}});
    in.reply({ipc::StoreStatus::stored, delivered->again, {}});
}

void Service::checkpoint(const ipc::Incoming<ipc::Checkpoint>& in) {
    checkpointed_ = std::chrono::steady_clock::now();
    store_->checkpoint([reply = in.reply](Result<void> done) {
        if (!done) log::error("imapd.checkpoint.failed", {{"reason", done.error().message()}});
        reply({done.ok()});
    });
}

// A step at a time, sessions in between; at rest once a second.
void Service::maintain() {
    const bool more = store_->maintain();
    maintenance_.once(more ? std::chrono::milliseconds(10) : std::chrono::milliseconds(1000));
    checkpoint_when_quiet();
}

// What sessions change without a delivery coming by (flags, expunges) waits for no checkpoint of qmgr's.
void Service::checkpoint_when_quiet() {
    const auto now = std::chrono::steady_clock::now();
    if (!store_->dirty() || now - checkpointed_ < quiet_checkpoint) return;
    checkpointed_ = now;
    store_->checkpoint([](Result<void> done) {
        if (!done) log::error("imapd.checkpoint.failed", {{"reason", done.error().message()}});
    });
}

void Service::check_times() {
    if (daemon_.instance() == 0) measure_storage(daemon_.state());
    const auto now = Client::Clock::now();
    std::vector<Client*> all;                    // ending one changes the map
    for (const auto& [client, owned] : clients_) all.push_back(client);
    for (Client* client : all) client->check_time(now, silence_, stall_);
}

void Service::drain() {
    draining_ = true;
    if (clients_.empty()) return daemon_.drained();
    for (const auto& [client, owned] : clients_) client->shut_down();
}

} // namespace postern::imapd
