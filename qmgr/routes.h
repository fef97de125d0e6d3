// Where outbound mail goes and how it is tried: what `outbound.destinations` and `outbound.sender_routes` say. Pure.
//
// A rule is "PATTERN property=value ...". Its pattern is a domain, ".domain" for all below it, or "*" for the rest; the closest
// one counts, and each property comes from the closest rule that has it.
#pragma once

#include "qmgr/destinations.h"
#include "qmgr/retry.h"

#include <string_view>

namespace postern::qmgr {

class Routes {
  public:
    struct Options {
        std::vector<std::string> destinations, senders;     // as the configuration gives them
        DestinationLimits limits;                           // where no rule says otherwise
        RetryPolicy retry;
    };
    explicit Routes(const Options& options);

    // "user@example.com" -> "example.com", or what a rule for it or for the sender's domain puts in its place. A rule for "*"
    // comes last, behind the sender's: it is the smarthost.
    std::string next_hop(std::string_view recipient, std::string_view reverse_path) const;
    DestinationLimits limits(std::string_view recipient) const;
    RetryPolicy retry(std::string_view recipient) const;

  private:
    struct Rule {
        std::optional<std::string> via;
        std::optional<std::uint32_t> concurrency;
        std::optional<Rate> rate;
        std::optional<std::vector<std::chrono::seconds>> delays;
        std::optional<std::uint32_t> attempts;
        std::optional<std::chrono::seconds> age;
    };
    using Rules = std::map<std::string, Rule, std::less<>>;
    static Rules parse(const std::vector<std::string>& lines);
    template <class T>
    static const std::optional<T>& closest(const Rules& rules, std::string_view domain, std::optional<T> Rule::* property, bool and_rest);

    Rules destinations_, senders_;
    DestinationLimits limits_;
    RetryPolicy retry_;
};

} // namespace postern::qmgr
