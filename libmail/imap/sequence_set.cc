#include "libmail/imap/sequence_set.h"

#include "libcommon/text.h"

#include <algorithm>

namespace postern::imap {
namespace {

std::optional<std::uint32_t> parse_seq_number(std::string_view text) {
    if (text == "*") return SequenceSet::star;
    const auto number = parse_number(text, UINT32_MAX);
    if (!number || *number == 0 || text.front() == '0') return std::nullopt;   // nz-number
    return static_cast<std::uint32_t>(*number);
}

} // namespace

std::optional<SequenceSet> parse_sequence_set(std::string_view text) {
    SequenceSet set;
    for (;;) {
        const auto comma = text.find(',');
        const std::string_view item = text.substr(0, comma);
        const auto colon = item.find(':');
        const auto first = parse_seq_number(item.substr(0, colon));
        const auto last = colon == std::string_view::npos ? first : parse_seq_number(item.substr(colon + 1));
        if (!first || !last) return std::nullopt;
        set.ranges.push_back({*first, *last});
        if (comma == std::string_view::npos) return set;
        text.remove_prefix(comma + 1);
    }
}

std::vector<SequenceSet::Range> SequenceSet::resolve(std::uint32_t largest) const {
    std::vector<Range> out;
    if (largest == 0) return out;
    out.reserve(ranges.size());
    for (Range r : ranges) {
        if (r.first == star) r.first = largest;
        if (r.last == star) r.last = largest;
        if (r.first > r.last) std::swap(r.first, r.last);
        out.push_back(r);
    }
    std::sort(out.begin(), out.end(), [](Range a, Range b) { return a.first < b.first; });
    std::size_t kept = 0;
    for (std::size_t i = 1; i < out.size(); ++i) {
        Range& before = out[kept];
        if (before.last == UINT32_MAX || out[i].first <= before.last + 1)
            before.last = std::max(before.last, out[i].last);
        else out[++kept] = out[i];
    }
    if (!out.empty()) out.resize(kept + 1);
    return out;
}

std::uint32_t SequenceSet::max_number() const {
    std::uint32_t out = 0;
    for (Range r : ranges) out = std::max({out, r.first, r.last});
    return out;
}

std::string format_set(const std::vector<std::uint32_t>& ascending) {
    std::string out;
    for (std::size_t i = 0; i < ascending.size();) {
        std::size_t last = i;
        while (last + 1 < ascending.size() && ascending[last + 1] == ascending[last] + 1) ++last;
        if (!out.empty()) out.push_back(',');
        out.append(std::to_string(ascending[i]));
        if (last > i) out.append(":").append(std::to_string(ascending[last]));
        i = last + 1;
    }
    return out;
}

} // namespace postern::imap
