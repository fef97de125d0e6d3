// What SEARCH looks for, as a tree: RFC 3501 section 6.4.4, every key. Parsing bounds depth and number of nodes, so
// that walking it by recursion is safe.
#pragma once

#include "libmail/imap/sequence_set.h"

#include <cstdint>
#include <string>
#include <vector>

namespace postern::imap {

struct SearchKey {
    enum class Kind : std::uint8_t {
        all_of,           // a list: every child
        either,           // OR: two children
        negated,          // NOT: one child
        all,
        flag, no_flag,    // number: the bit in system_flags
        keyword, no_keyword,   // text
        recent, old, fresh,    // \Recent; not \Recent; NEW: \Recent and not \Seen
        bcc, cc, from, to, subject,   // text
        header,           // field, text
        body, text,       // text
        before, on, since,                   // day, of the internal date
        sent_before, sent_on, sent_since,    // day, of the Date field
        larger, smaller,  // number
        uid, sequence,    // set
    };
    Kind kind = Kind::all;
    std::string field;
    std::string text;            // in the command's charset
    std::uint64_t number = 0;
    std::int64_t day = 0;        // days since the epoch
    SequenceSet set;
    std::vector<SearchKey> children;

    static constexpr std::size_t max_depth = 200;
    static constexpr std::size_t max_nodes = 10'000;
};

} // namespace postern::imap
