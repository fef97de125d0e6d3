// How authd compares addresses: domain and local part both without regard to case. RFC 5321 section 2.4 lets the
// receiving host decide about local parts, and no user expects Ann@ and ann@ to be two people.
#pragma once

#include "authd/sqlite.h"
#include "libmail/address.h"

#include <string>

namespace postern::authd {

// The form addresses are stored and looked up in.
Result<mail::Mailbox> canonical(std::string_view address);

// An address of one of our domains; Errc::not_found when the domain is not ours.
struct OwnAddress {
    std::uint64_t domain = 0;
    mail::Mailbox mailbox;
};
Result<OwnAddress> own_address(Database& db, std::string_view address);

// Whose it is; Errc::not_found when it is nobody's (an alias has no owner).
Result<std::uint64_t> account_at(Database& db, std::string_view address);

} // namespace postern::authd
