// Mailbox patterns of LIST and LSUB: "*" is anything, "%" anything without a separator (RFC 9051
// section 6.3.9). Walks name and pattern together once, all possibilities at a time: no pattern costs more
// than its length times the name's, however many wildcards it has.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace postern::imap {

class ListPattern {
  public:
    explicit ListPattern(std::string pattern, char separator = '/');

    bool matches(std::string_view name) const;

  private:
    std::string pattern_;     // "**" and the like folded into one
    char separator_;
};

} // namespace postern::imap
