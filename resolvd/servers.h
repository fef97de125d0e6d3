// Whom to ask, and in which order: as they are configured, but who was silent lately comes behind those who were not.
#pragma once

#include "libcommon/network.h"

#include <chrono>
#include <string>
#include <vector>

namespace postern::dns {

struct Server {
    IpAddress address;
    std::uint16_t port = 53;
    bool trusted = false;                // that it validated, where it says AD
    std::string text() const;            // "127.0.0.1:53", "[::1]:53"
    bool operator==(const Server&) const = default;
};

class Servers {
  public:
    using Time = std::chrono::steady_clock::time_point;
    // How long a server that did not answer is put back, doubling while it goes on not to.
    static constexpr std::chrono::seconds first_rest{5}, longest_rest{60};

    explicit Servers(std::vector<Server> servers) : servers_(std::move(servers)), states_(servers_.size()) {}

    const std::vector<Server>& all() const { return servers_; }
    const Server& at(std::size_t index) const { return servers_[index]; }

    // Whose rest is over is tried by one question first, not by all that come before that one knows.
    std::vector<std::size_t> order(Time now);
    // True: that is news.
    bool was_silent(std::size_t index, Time now);
    bool answered(std::size_t index);

  private:
    struct State {
        unsigned silent = 0;             // times in a row
        Time rests_until{};
        bool on_trial = false;           // one question tries it again
    };
    std::vector<Server> servers_;
    std::vector<State> states_;
};

} // namespace postern::dns
