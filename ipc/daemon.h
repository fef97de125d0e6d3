// What every child of master is: it takes from the socket it was born with all that its row of the service table
// grants (configuration, descriptors, confinement), confines itself, says READY, and only then reads a byte of
// anybody else's.
//
//   int main() {
//       return ipc::run_daemon({.self = ServiceId::qmgr,
//                               .prepare = [](ipc::Daemon&) { tzset(); },
//                               .start = [](ipc::Daemon& daemon) { static Service service(daemon); }});
//   }
#pragma once

#include "ipc/birth.h"
#include "ipc/bundle.h"
#include "ipc/channel.h"
#include "ipc/control.h"
#include "libcommon/config.h"

#include <filesystem>
#include <map>
#include <vector>

namespace postern::ipc {

// A listening socket inherited from master; `name` is the option it comes from: "smtp.listen_addr".
struct Listener {
    std::string name;
    Fd socket;
};

class Daemon;

// A connection to a service that comes back by itself: asked for when first needed, asked for again, with
// back-off, when the peer was restarted. Calls made while it is away wait until their deadline.
class Link {
  public:
    template <Request M>
    void call(const M& message, std::function<void(Result<typename M::Reply>)> done,
              std::chrono::milliseconds deadline = std::chrono::seconds(30), Fd descriptor = {}) {
        call_with_descriptor<M>(message, [done = std::move(done)](Result<typename M::Reply> reply, Fd) {
            done(std::move(reply));
        }, deadline, std::move(descriptor));
    }
    template <Request M>
    void call_with_descriptor(const M& message, std::function<void(Result<typename M::Reply>, Fd)> done,
                              std::chrono::milliseconds deadline = std::chrono::seconds(30), Fd descriptor = {}) {
        if (channel_) {
            channel_->call<M>(message, std::move(done), deadline, std::move(descriptor));
            return;
        }
        auto shared = std::make_shared<Fd>(std::move(descriptor));
        auto answer = std::make_shared<std::function<void(Result<typename M::Reply>, Fd)>>(std::move(done));
        when_up(deadline,
                [message, answer, shared](Channel& channel, std::chrono::milliseconds left) {
                    channel.call<M>(message, std::move(*answer), left, std::move(*shared));
                },
                [answer](const Error& error) { (*answer)(error, {}); });
    }
    template <Message M> void send(const M& message) {
        if (channel_) channel_->send(message);       // one-way messages are hints: lost while the peer is away
    }

    // Called each time a channel came up (then at once if it is up), and each time it went down.
    void on_up(std::function<void(Channel&)> callback);
    void on_down(std::function<void()> callback) { down_ = std::move(callback); }
    void connect();                                  // asks now instead of at the first call
    void keep_up() {                                 // for those who never wait for it, and would never ask again
        on_up([](Channel&) {});
        connect();
    }
    bool is_up() const { return channel_ != nullptr; }

  private:
    friend class Daemon;
    std::shared_ptr<Channel> channel() const { return channel_; }
    Link(Daemon& daemon, ServiceId service, std::uint32_t instance);
    void when_up(std::chrono::milliseconds deadline, std::function<void(Channel&, std::chrono::milliseconds)> go,
                 std::function<void(const Error&)> fail);
    void came_up(std::shared_ptr<Channel> channel);
    void peer_retires();
    void went_down();
    void refused();
    void retry_later();
    void expire();

    struct Waiting {
        std::chrono::steady_clock::time_point deadline;
        std::function<void(Channel&, std::chrono::milliseconds)> go;
        std::function<void(const Error&)> fail;
    };
    static constexpr std::size_t max_waiting = 4096;

    Daemon& daemon_;
    ServiceId service_;
    std::uint32_t instance_;
    std::shared_ptr<Channel> channel_;
    std::vector<std::shared_ptr<Channel>> leaving_;  // the peer retires: they end with what runs on them
    bool asked_ = false;
    unsigned failures_ = 0;
    std::vector<Waiting> waiting_;
    std::function<void(Channel&)> up_;
    std::function<void()> down_;
    Timer retry_, expiry_;
};

class Daemon {
  public:
    Loop& loop() { return loop_; }
    const Config& config() const { return config_; }
    ServiceId self() const { return self_; }
    std::uint32_t instance() const { return instance_; }

    // Listeners this process accepts on; those of a reload replace them.
    std::vector<Listener>& listeners() { return listeners_; }
    // Certificate chains, for who shows them, by the option or the path of each; those of a reload replace them. Whoever has
    // used them may clear them.
    std::vector<Bundled>& certificates() { return certificates_; }
    // A file that master's row for this service names, by its path or the option it is in, as at the start or the last reload; nothing
    // where it is not there, too large, or secret and open to others.
    std::optional<std::string_view> file(std::string_view name) const {
        for (const Bundled& file : files_)
            if (file.name == name) return file.bytes;
        return std::nullopt;
    }
    Fd take_private_keys() { return std::move(private_keys_); }   // a bundle, for keyd only
    // For TLS session tickets; changes in place. Empty: this service shows no certificates.
    const TicketKeys& ticket_keys() const { return ticket_keys_; }

    // Where the service's own state lies, as seen from inside its root: "/" when it was chrooted there.
    const std::filesystem::path& state() const { return state_; }

    // Read-only counter pages of other processes; only for the services whose row says so (api-front, api-local).
    struct Page { Peer owner; Fd descriptor; };
    const std::vector<Page>& pages() const { return pages_; }

    // Every process's log datagrams; for logd only. Moved out as they are used; later ones by on_log_source.
    struct LogSource { Peer from; Fd socket; };
    std::vector<LogSource>& log_sources() { return log_sources_; }
    void on_log_source(std::function<void()> callback) { new_log_source_ = std::move(callback); }

    // The socket to the host's syslog (logd only): taken once it came, asked for again when its reader is gone.
    Fd take_syslog() { return std::move(syslog_); }
    void on_syslog(std::function<void()> callback) { new_syslog_ = std::move(callback); }
    void want_syslog();

    // Says what this process does with a message. All before READY.
    template <Message M> void on(std::function<void(Incoming<M>)> handler) { dispatcher_.on<M>(std::move(handler)); }

    // The way to another service. The reference stays valid.
    Link& link(ServiceId service, std::uint32_t instance = 0);

    // A blocking channel of its own, before confinement or after; used by TLS signatures only (DESIGN section 3).
    Result<Fd> blocking_channel(ServiceId service, std::chrono::milliseconds deadline);

    void on_peer_closed(std::function<void(const Peer&)> callback) { peer_closed_ = std::move(callback); }
    // A peer that came to us retires: what it began is finished, nothing more is to be begun with it.
    void on_peer_retiring(std::function<void(Channel&)> callback) { peer_retiring_ = std::move(callback); }
    // config(), listeners() and certificates() are the new ones; listeners() is the complete set again.
    void on_reload(std::function<void()> callback) { reload_ = std::move(callback); }
    // Stop taking new work, finish what runs, then call drained(). Without a callback a drain ends at once. Meanwhile every
    // channel retires: requests that still come are answered as ever, and the process ends when all channels are quiet.
    void on_drain(std::function<void()> callback) { drain_ = std::move(callback); }
    void drained();
    // While draining: another process of this name serves already, nobody waits for us to end.
    bool has_successor() const { return has_successor_; }

    // Asks master itself (ipc/control.h); refused unless this service's row allows it. One at a time waits for its
    // answer, later ones queue behind it. `text` is what there is more to say: errors of a reload, the configuration.
    using ControlDone = std::function<void(Result<ControlAnswer>, std::string text)>;
    void control(ControlVerb verb, std::uint64_t argument, ControlDone done);

  private:
    friend class Link;
    friend int run_daemon(const struct Program& program);
    struct Birth;

    explicit Daemon(ServiceId self);
    ~Daemon();

    Loop loop_;
    Timer log_flush_;
    ServiceId self_;
    std::uint32_t instance_ = 0;
    std::uint32_t generation_ = 0;
    Config config_;
    std::vector<Listener> listeners_;
    std::vector<Bundled> certificates_;
    std::vector<Bundled> files_;
    Fd private_keys_;
    TicketKeys ticket_keys_;
    std::vector<Page> pages_;
    std::vector<LogSource> log_sources_;
    Fd syslog_;
    std::filesystem::path state_ = "/";
    Dispatcher dispatcher_;
    std::map<std::pair<ServiceId, std::uint32_t>, std::unique_ptr<Link>> links_;
    std::map<std::uint64_t, std::shared_ptr<Channel>> accepted_;
    std::function<void(const Peer&)> peer_closed_;
    std::function<void(Channel&)> peer_retiring_;
    std::function<void()> reload_, new_log_source_, new_syslog_, drain_;
    bool has_successor_ = false;
    std::unique_ptr<Birth> birth_;
};

struct Program {
    ServiceId self;
    std::function<void(Daemon&)> prepare;   // with the file system still there: time zone, OpenSSL, iconv
    std::function<void(Daemon&)> start;     // confined: opens stores, registers handlers; READY follows
};
int run_daemon(const Program& program);

} // namespace postern::ipc
