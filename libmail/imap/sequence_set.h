// Sets of sequence numbers or UIDs, "1:5,7,9:*" (RFC 9051 section 9, sequence-set).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::imap {

struct SequenceSet {
    static constexpr std::uint32_t star = 0;       // "*"; no number is 0
    struct Range {
        std::uint32_t first = 0, last = 0;
        bool operator==(const Range&) const = default;
    };
    std::vector<Range> ranges;                     // as written

    // Ascending, disjoint, not adjacent, with `largest` for "*". Empty when there is nothing (largest is 0).
    std::vector<Range> resolve(std::uint32_t largest) const;

    // The largest number written: over the number of messages it is BAD for sequence numbers.
    std::uint32_t max_number() const;
    bool operator==(const SequenceSet&) const = default;
};

// The whole of `text`. Numbers over 2^32-1 and zero are refused.
std::optional<SequenceSet> parse_sequence_set(std::string_view text);

// "1:3,5": for COPYUID and the like, from ascending numbers.
std::string format_set(const std::vector<std::uint32_t>& ascending);

} // namespace postern::imap
