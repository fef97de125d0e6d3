#include "libmail/imap/list_pattern.h"

#include "libcommon/text.h"

namespace postern::imap {

ListPattern::ListPattern(std::string pattern, char separator) : separator_(separator) {
    for (char c : pattern) {
        const bool wild = c == '*' || c == '%';
        if (wild && !pattern_.empty() && pattern_.back() == '*') continue;
        if (c == '*' && !pattern_.empty() && pattern_.back() == '%') pattern_.back() = '*';
        else if (!(c == '%' && !pattern_.empty() && pattern_.back() == '%')) pattern_.push_back(c);
    }
}

bool ListPattern::matches(std::string_view name) const {
    // INBOX has no case (RFC 9051 section 5.1), nor has it as the first level of others.
    const std::size_t caseless = name == "INBOX" || name.starts_with(std::string("INBOX") + separator_) ? 5 : 0;
    const std::size_t end = pattern_.size();
    std::vector<char> at(end + 1, 0), next(end + 1, 0);     // at[i]: the pattern's first i characters are used up
    auto close = [&](std::vector<char>& set) {              // a wildcard may stand for nothing
        for (std::size_t i = 0; i < end; ++i)
            if (set[i] && (pattern_[i] == '*' || pattern_[i] == '%')) set[i + 1] = 1;
    };
    at[0] = 1;
    close(at);
    for (std::size_t k = 0; k < name.size(); ++k) {
        const char c = name[k];
        next.assign(end + 1, 0);
        for (std::size_t i = 0; i < end; ++i) {
            if (!at[i]) continue;
            const char p = pattern_[i];
            if (p == '*' || (p == '%' && c != separator_)) next[i] = 1;
            else if (p == c || (k < caseless && ascii_lower(p) == ascii_lower(c))) next[i + 1] = 1;
        }
        close(next);
        at.swap(next);
    }
    return at[end] != 0;
}

} // namespace postern::imap
