// Writes header fields whose values are anybody's words: whatever is in a value, it cannot begin another field or a body.
#pragma once

#include <string>
#include <string_view>

namespace postern::mail {

enum class Wording : bool { ascii, utf8 };   // utf8: the header is an internationalized one, RFC 6532

// One line of text: control characters are blanks, and what may not be there, in ASCII or in what is no UTF-8, is "?".
// Never longer than `value`.
std::string one_line(std::string_view value, Wording wording);

class FieldWriter {
  public:
    FieldWriter(std::string& out, Wording wording) : out_(out), wording_(wording) {}

    // Folded before its blanks at 78 characters (RFC 5322 section 2.1.1), where it must elsewhere at 998 octets. Nothing is
    // written for an empty value.
    FieldWriter& field(std::string_view name, std::string_view value);

  private:
    std::string& out_;
    Wording wording_;
};

} // namespace postern::mail
