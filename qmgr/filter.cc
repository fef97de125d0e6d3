#include "qmgr/filter.h"

#include "libcommon/text.h"

namespace postern::qmgr {

// Greedy, with one step back to the last star: no pattern takes more than pattern times text.
bool matches_pattern(std::string_view pattern, std::string_view text) {
    std::size_t p = 0, t = 0, star = std::string_view::npos, from = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            from = t;
        } else if (p < pattern.size() && ascii_lower(pattern[p]) == ascii_lower(text[t])) {
            ++p, ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++from;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

Filter::Filter(const ipc::QueueFilter& conditions) : conditions_(conditions), error_(ascii_lower(conditions.error.view())) {}

bool Filter::takes_message(const Accepted& message) const {
    const std::string_view sender = conditions_.sender, from = message.envelope.reverse_path;
    if (!sender.empty() && !(sender == "<>" ? from.empty() : matches_pattern(sender, from))) return false;
    if (conditions_.arrived_before != 0 && message.arrived >= conditions_.arrived_before) return false;
    return conditions_.arrived_after == 0 || message.arrived > conditions_.arrived_after;
}

bool Filter::takes_recipient(const ipc::EnvelopeRecipient& recipient, const RecipientRecord& record) const {
    const std::string_view address = recipient.address;
    if (!conditions_.recipient.value.empty() && !matches_pattern(conditions_.recipient, address) &&
        !matches_pattern(conditions_.recipient, recipient.forward_path))
        return false;
    if (!conditions_.domain.value.empty() && !iequals(conditions_.domain, address.substr(address.rfind('@') + 1))) return false;
    if (!conditions_.state.value.empty() && conditions_.state.view() != to_string(record.state)) return false;
    return error_.empty() || ascii_lower(record.error.view()).find(error_) != std::string::npos;
}

} // namespace postern::qmgr
