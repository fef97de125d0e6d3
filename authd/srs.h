// The Sender Rewriting Scheme: mail that an address here sends on elsewhere leaves with a reverse-path of ours, since the domain of its
// sender lets (SPF) only its own hosts send as it; a report comes back to that address, and from here to the sender.
//
//   ann@far.example, by way of us.example       SRS0=hash=day=far.example=ann@us.example
//   what another forwarder rewrote, by us       SRS1=hash=first.example==rest@us.example, never longer than that:
//                                               it goes back to SRS0=rest at the first forwarder, who knows its own hash
//
// The hash is ours, of all that stands behind it. It is base 32 and compared without case, as are the names, because there are hosts
// that change the case of a local part. Pure but for the cryptography: time is an argument, in seconds since the epoch.
#pragma once

#include "libmail/address.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace postern::authd {

class Srs {
  public:
    explicit Srs(std::string key) : key_(std::move(key)) {}

    // Does this look like such an address, anybody's?
    static bool is_srs(std::string_view local_part);

    // With what a copy for elsewhere leaves in the name of `domain`; nothing when there is no room for it in a local part.
    std::optional<mail::Mailbox> rewrite(const mail::Mailbox& sender, std::string_view domain, std::int64_t now) const;

    enum class Fault : std::uint8_t { malformed, forged, expired };
    struct Origin {
        mail::Mailbox mailbox;
        std::int64_t until = INT64_MAX;      // then it expires; one of a first forwarder says not when
    };
    std::variant<Origin, Fault> origin(std::string_view local_part, std::int64_t max_days, std::int64_t now) const;

  private:
    std::string hash(std::string_view what) const;
    std::string key_;
};
std::string_view to_string(Srs::Fault fault);

} // namespace postern::authd
