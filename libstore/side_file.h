// What a mailbox keeps beside its messages that their names cannot hold: a text file in the folder, so that the
// index can be lost. A log of lines, the last word on a thing counts:
//
//   mailbox <uidvalidity> <uidnext> <modseq> <special-use> <subscribed> <name> <crc>
//   keyword <number> <name> <crc>
//   message <uid> <keywords, hex> <internal date> <base> <crc>
//   expunged <uid> <crc>
//
// Words have blanks, controls and "%" as %XX; <crc> is the CRC-32C of the line before it, 8 hex digits. A damaged
// or torn line is passed over and counted: it costs what it said, not the file. Pure.
#pragma once

#include "libstore/store.h"

#include <map>
#include <unordered_map>

namespace postern::store {

struct SideMailbox {
    std::uint32_t uid_validity = 0;
    Uid uid_next = 1;
    ModSeq modseq = 1;
    SpecialUse special_use = SpecialUse::none;
    bool subscribed = false;
    std::string name;
    bool operator==(const SideMailbox&) const = default;
};
struct SideMessage {
    Uid uid = 0;
    Keywords keywords = 0;
    std::int64_t internal_date = 0;
    bool operator==(const SideMessage&) const = default;
};

struct SideFile {
    std::optional<SideMailbox> mailbox;
    std::map<unsigned, std::string> keywords;
    std::unordered_map<std::string, SideMessage> messages;      // by base
    Uid highest_uid = 0;                                        // of any line
    std::size_t damaged = 0;
};
SideFile parse_side_file(std::string_view text);

std::string side_line(const SideMailbox& mailbox);
std::string side_keyword_line(unsigned number, std::string_view name);
std::string side_line(const SideMessage& message, std::string_view base);
std::string side_expunged_line(Uid uid);

constexpr std::size_t max_side_file = std::size_t{256} * 1024 * 1024;

} // namespace postern::store
