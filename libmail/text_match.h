// Substring search as IMAP's SEARCH means it: without regard to case, on decoded text (RFC 9051 section 6.4.4).
#pragma once

#include "libmail/mime.h"

#include <string>
#include <string_view>

namespace postern::mail {

class Charsets;

// Lower case for ASCII, Latin, Greek, Cyrillic and Armenian letters; other text stays. Ill-formed UTF-8
// passes through.
std::string fold_case(std::string_view utf8);

class TextMatcher {
  public:
    explicit TextMatcher(std::string_view utf8) : folded_(fold_case(utf8)) {}

    bool empty() const { return folded_.empty(); }
    bool in(std::string_view utf8) const;
    bool in_header(std::string_view field_body, Charsets& charsets) const;    // encoded words decoded

    // The texts of a message: its text parts, decoded; with `headers` also every header, of parts too.
    bool in_message(const Structure& structure, bool headers, Charsets& charsets) const;

  private:
    std::string folded_;
};

} // namespace postern::mail
