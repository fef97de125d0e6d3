// One question on its way: server after server until one can say, then on along CNAMEs that lead out of the answer. Who asks the
// same meanwhile joins. Ends by its deadline, whatever the servers do. Each server is asked about one link once for each round, and once
// more, unchecked, after a SERVFAIL that does not say why.
#pragma once

#include "resolvd/chain.h"
#include "resolvd/exchange.h"

#include <deque>

namespace postern::dns {

struct Patience {
    std::chrono::milliseconds timeout{};         // of one server for one try
    std::chrono::milliseconds deadline{};        // of all of it
    unsigned attempts = 0;                       // rounds over the servers
};

class Lookup {
  public:
    using Done = std::function<void(ipc::DnsAnswer)>;

    // `done` is called once, and may destroy it. The deadline runs from now, the work from start().
    Lookup(Loop& loop, const Question& question, std::shared_ptr<Servers> servers, const Patience& patience, Done done);
    void start();
    bool has_begun() const { return begun_; }
    bool is_over() const { return !done_; }

  private:
    void ask_for_next();
    void ask();
    void heard(std::size_t server, Exchange::Outcome outcome);
    void ask_unchecked(std::size_t server);
    void silent(std::size_t server, const std::string& why);
    void refused(std::size_t server, const std::string& why);
    void bogus(std::size_t server, const std::string& why);
    void give_up(ipc::DnsStatus status);
    void fail(ipc::DnsStatus status, const std::string& why);
    void finish(ipc::DnsAnswer answer);

    Loop& loop_;
    std::shared_ptr<Servers> servers_;
    Patience patience_;
    Done done_;
    Timer deadline_;
    Chain chain_;
    std::deque<std::size_t> todo_;               // servers to ask about this link of the chain
    bool begun_ = false;
    bool anybody_answered_ = false;              // about this link
    std::string bogus_why_;                      // a server that is trusted found it so
    std::string last_why_ = "too many look-ups before it";
    std::unique_ptr<Exchange> exchange_;
};

} // namespace postern::dns
