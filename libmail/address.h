// Addresses as the envelope knows them: the Mailbox and Path grammar of RFC 5321 section 4.1.2, strictly.
// (Header fields are written by anyone and read by everyone: their lenient grammar is address_list.h.)
//
// Addresses may be internationalized, RFC 6531 section 3.3: whether this one may be, here and now, is for who asked.
//
// A Mailbox is kept in one canonical form, so that equal addresses compare equal: the local part without the
// quotes it may have come in, its case untouched (section 2.4) and its UTF-8 as it came; the domain in lower case, with
// A-labels where it came with U-labels.
#pragma once

#include "libcommon/network.h"
#include "libcommon/result.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace postern::mail {

struct Mailbox {
    std::string local_part;   // "ann", "ann lee" (which text() quotes)
    std::string domain;       // "example.org", "[192.0.2.1]", "[ipv6:2001:db8::1]"; empty only for <Postmaster>

    std::string text() const; // as it is written in a command or a header
    bool is_literal() const { return domain.starts_with('['); }
    bool operator==(const Mailbox&) const = default;
};

// The whole of `text` is one Mailbox. Errors say what is wrong and at which column, counted from 1.
Result<Mailbox> parse_mailbox(std::string_view text);

// The whole of `text` is one Domain: what EHLO or a configured domain says. Lower-cased, U-labels as
// A-labels. No address literal.
Result<std::string> parse_domain(std::string_view text);

// The whole of `text` is an address literal with its brackets, section 4.1.3: "[192.0.2.1]", "[IPv6:::1]".
bool is_address_literal(std::string_view text);

// The address a literal says, as a Mailbox has it or as it was written.
std::optional<IpAddress> address_in_literal(std::string_view literal);

// The path at the beginning of what follows "MAIL FROM:" or "RCPT TO:"; a source route is read and dropped
// (appendix C). `length` is how much of the text it took: parameters may follow.
struct Path {
    bool null = false;        // "<>": only ever a reverse-path
    Mailbox mailbox;
    bool ascii = true;        // as it was written: what goes without SMTPUTF8
    std::size_t length = 0;
};
Result<Path> parse_reverse_path(std::string_view text);
Result<Path> parse_forward_path(std::string_view text);   // allows <Postmaster>, section 4.1.1.3

// Splits at the last "@", without looking at either side; an address without one is all local part.
std::pair<std::string_view, std::string_view> split_address(std::string_view address);

// RFC 5233: "ann+lists" with "+" is {"ann", "lists"}; the first that is any of the separators counts. Without one, or with
// nothing before it, the whole is the user.
struct Subaddress {
    std::string_view user;
    std::string_view detail;
};
Subaddress split_subaddress(std::string_view local_part, std::string_view separators);

} // namespace postern::mail
