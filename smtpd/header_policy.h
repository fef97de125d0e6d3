// For what of its header a message is refused: a table of rules, RFC 5322 section 3.6 above all, and how many of them hold.
#pragma once

#include "smtpd/header_reader.h"
#include "smtpd/reply.h"

#include <array>
#include <span>

namespace postern::smtpd {

// Each holds what the one before it does, and more.
enum class HeaderChecks : std::uint8_t {
    off,
    author,    // nobody can be shown one author while another is checked
    shown,     // nothing that mail programs show is there twice
    strict,    // RFC 5322 as it is written
};
inline constexpr std::array<std::string_view, 4> header_checks_names = {"off", "author", "shown", "strict"};

struct CheckedHeader {
    const HeaderFacts& facts;
    HeaderFields added;                    // by us (header_repair.h)
    bool smtputf8 = false;

    bool has(HeaderField field) const { return facts.seen.has(field) || added.has(field); }
};
struct HeaderRule {
    std::string_view name;                 // in counters
    HeaderChecks from;                     // the least of the checks that has it
    Reply reply;
    std::string_view reference;
    // The field that breaks it; `other` where no single one does.
    std::optional<HeaderField> (*broken_by)(const CheckedHeader& header);
};
std::span<const HeaderRule> header_rules();

struct HeaderFault {
    const HeaderRule* rule = nullptr;
    std::string detail;                    // of the reply: the field and the section
};
// The first rule in the order of the table that is broken.
std::optional<HeaderFault> header_fault(const CheckedHeader& header, HeaderChecks checks);

} // namespace postern::smtpd
