// Questions in, answers out: from the host's own table, from the cache, or by a look-up that all who ask the same share. At most
// so many look-ups run, at most so many questions wait.
#pragma once

#include "resolvd/cache.h"
#include "resolvd/host_files.h"
#include "resolvd/lookup.h"

namespace postern::dns {

struct Settings {
    std::vector<Server> servers;                 // one at least
    Patience patience;
    std::size_t max_lookups = 0, max_waiting = 0;
    std::size_t cache_entries = 0, cache_bytes = 0;
    // How long answers hold, whatever they say themselves.
    std::chrono::seconds min_ttl{}, max_ttl{}, max_negative_ttl{}, failure_ttl{};
};

class Resolver {
  public:
    using Done = std::function<void(const ipc::DnsAnswer&)>;

    explicit Resolver(Loop& loop) : loop_(loop) {}

    // Other servers than before, or trusted otherwise: what they said is forgotten. Look-ups that run go on as they began, and
    // what they find is not kept.
    void configure(Settings settings, Hosts hosts);

    void ask(std::string_view name, ipc::DnsType type, Done done);
    // What is known of a name; or of all names, and of servers that were silent. How many answers that were.
    std::size_t flush(std::optional<std::string_view> name);

    const Cache& cache() const { return cache_; }
    std::size_t running() const { return running_; }
    std::size_t waiting() const { return waiting_; }

  private:
    struct Flight {
        std::shared_ptr<Lookup> lookup;
        std::shared_ptr<const Servers> asked;
        std::vector<Done> waiting;
    };
    void begin(const Question& question, Done done);
    void run_next();
    void landed(const Question& question, ipc::DnsAnswer answer);
    void bound(ipc::DnsAnswer& answer) const;

    Loop& loop_;
    Settings settings_;
    Hosts hosts_;
    std::shared_ptr<Servers> servers_ = std::make_shared<Servers>(std::vector<Server>());
    Cache cache_;
    std::map<Question, Flight> flights_;
    std::deque<std::weak_ptr<Lookup>> queue_;    // that have not begun; some may be over
    std::size_t running_ = 0, waiting_ = 0;
};

} // namespace postern::dns
