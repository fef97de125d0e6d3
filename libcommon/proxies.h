// Load balancers that bring clients of other addresses. From a configured source each connection begins with a header that says
// whose it is (proxy_header.h); it has to come within a time, and from any other source it is never looked for: whoever could send
// one could be anybody.
#pragma once

#include "libcommon/ids.h"
#include "libcommon/loop.h"
#include "libcommon/network.h"
#include "libcommon/owned.h"

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <vector>

namespace postern {

class Proxies {
  public:
    explicit Proxies(Loop& loop);
    ~Proxies();

    void configure(std::vector<Network> sources) { sources_ = std::move(sources); }
    bool covers(const IpAddress& source) const { return contains(sources_, source); }

    // Takes the header off a connection from `source`; then `admit` gets it as if the client had come itself, with the address
    // that client connected to, where the header says it. One without a proper header is closed, counted and logged.
    using Admit = std::function<void(Fd socket, const IpAddress& client, const std::optional<IpAddress>& server)>;
    void take(Fd socket, const IpAddress& source, TraceId trace, Admit admit);

    bool empty() const { return waiting_.empty(); }
    void dismiss();                      // all that have not said whose they are

    static constexpr std::chrono::seconds patience{5};       // a proxy sends it at once; 3 s see through a lost packet
    static constexpr std::size_t max_waiting = 4096;

  private:
    struct Waiting;
    void readable(std::uint64_t id);
    void refuse(std::uint64_t id, std::string_view why);
    void remove(std::uint64_t id);
    void time_is_up();

    Loop& loop_;
    std::vector<Network> sources_;
    std::uint64_t next_id_ = 1;
    std::map<std::uint64_t, std::unique_ptr<Waiting>> waiting_;      // in the order they came, so of their deadlines
    Timer timer_;
};

} // namespace postern
