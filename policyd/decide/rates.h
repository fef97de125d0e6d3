// The rates of postern.yaml, one row each, and what was used of them. One owner for all smtpd processes: what a client sends
// over two of them is one rate.
#pragma once

#include "ipc/policy.h"
#include "libcommon/windows.h"

#include <optional>
#include <span>

namespace postern::policy {

enum class Subject : std::uint8_t { client, account, domain };
enum class Unit : std::uint8_t { connection, message, recipient };
enum class Direction : std::uint8_t { any, in, out };            // in: nobody logged in

struct Rule {
    ipc::RateKind kind;
    std::string_view option;
    Subject subject;
    Unit unit;
    Direction direction;
};
std::span<const Rule> rules();

// What somebody is about to do.
struct Use {
    std::string client;              // its network, as text
    AccountId account = 0;
    std::string domain;              // of the reverse-path, in lower case; empty for the null one
    bool connection = false, message = false, recipient = false;
};

struct Limited {
    ipc::RateKind kind;
    std::string subject;
    std::chrono::seconds retry_after;
};

class Rates {
  public:
    Rates(const Config& config, std::size_t most);
    void configure(const Config& config, std::size_t most);

    // Counts it under every rate it falls under; or, when one of them is used up, under none.
    std::optional<Limited> take(const Use& use, Windows::Time now);
    const Windows& windows() const { return windows_; }

  private:
    Windows windows_;
    std::vector<Rate> rates_;        // in the order of rules()
};

} // namespace postern::policy
