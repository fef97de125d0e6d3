#include "libmail/imap/quote.h"

#include "libcommon/text.h"
#include "libmail/chars.h"

#include <algorithm>

namespace postern::imap {
namespace {

constexpr std::size_t max_quoted = 4096;   // beyond, clients read a literal with less trouble

bool can_be_quoted(std::string_view text) {
    return text.size() <= max_quoted && std::all_of(text.begin(), text.end(), [](char c) {
        return c != '\r' && c != '\n' && c != '\0' && !mail::is_eight_bit(c);
    });
}

bool can_be_atom(std::string_view text) {
    return !text.empty() && !iequals(text, "NIL") && std::all_of(text.begin(), text.end(), [](char c) {
        return mail::is_printable(c) && std::string_view(" (){%*\"\\").find(c) == std::string_view::npos;
    });
}

} // namespace

void append_literal(std::string& out, std::string_view bytes) {
    out.append("{").append(std::to_string(bytes.size())).append("}\r\n");
    const std::size_t begin = out.size();
    out.append(bytes);
    std::replace(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(), '\0', '?');
}

void append_string(std::string& out, std::string_view text) {
    if (!can_be_quoted(text)) return append_literal(out, text);
    out.push_back('"');
    for (char c : text) {
        if (c == '"' || c == '\\') out.push_back('\\');
        out.push_back(c);
    }
    out.push_back('"');
}

void append_nstring(std::string& out, const std::optional<std::string>& text) {
    if (text) append_string(out, *text);
    else out.append("NIL");
}

void append_astring(std::string& out, std::string_view text) {
    if (can_be_atom(text)) out.append(text);
    else append_string(out, text);
}

} // namespace postern::imap
