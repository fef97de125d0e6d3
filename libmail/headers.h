// Walks a message's header fields without copying: RFC 5322 section 2.2, as lenient as mail in the wild needs.
// Lines may end in CRLF or LF; the header ends at the first empty line or at the end of the text.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace postern::mail {

struct Field {
    std::string_view name;    // empty for a line that is no field (mbox "From ", garbage): its bytes still count
    std::string_view body;    // after the colon, folded as it came, without the last line end
    std::size_t begin = 0;    // the whole field in the text, last line end included
    std::size_t end = 0;
};

class HeaderScanner {
  public:
    explicit HeaderScanner(std::string_view text) : text_(text) {}

    std::optional<Field> next();

    // Once next() found nothing: where the header ends, its empty line not included, and where the body begins.
    std::size_t header_end() const { return at_; }
    std::size_t body_begin() const { return body_; }

  private:
    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t body_ = 0;
};

// The first field of that name (ASCII case ignored).
std::optional<Field> find_field(std::string_view text, std::string_view name);

// Splits one field's bytes at its colon; a name in front may be followed by blanks (obs-optional).
Field split_field(std::string_view bytes, std::size_t begin);

// Removes the line ends of folding, keeps the blanks behind them (section 2.2.3), trims both ends.
std::string unfold(std::string_view body);

} // namespace postern::mail
