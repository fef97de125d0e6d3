#include "libmail/headers.h"

#include "libcommon/text.h"
#include "libmail/chars.h"

namespace postern::mail {
namespace {

std::size_t line_end(std::string_view text, std::size_t from) {
    const auto at = text.find('\n', from);
    return at == std::string_view::npos ? text.size() : at + 1;
}

std::string_view without_line_end(std::string_view line) {
    if (line.ends_with('\n')) line.remove_suffix(1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

} // namespace

Field split_field(std::string_view bytes, std::size_t begin) {
    Field field;
    field.begin = begin;
    field.end = begin + bytes.size();
    bytes = without_line_end(bytes);
    const auto colon = bytes.find(':');
    if (colon == std::string_view::npos || bytes.substr(0, colon).find('\n') != std::string_view::npos) {
        field.body = bytes;
        return field;
    }
    field.name = trim(bytes.substr(0, colon));
    field.body = bytes.substr(colon + 1);
    return field;
}

std::optional<Field> HeaderScanner::next() {
    if (at_ >= text_.size()) {
        body_ = at_;
        return std::nullopt;
    }
    std::size_t end = line_end(text_, at_);
    if (without_line_end(text_.substr(at_, end - at_)).empty()) {
        body_ = end;
        return std::nullopt;
    }
    while (end < text_.size() && is_blank(text_[end])) end = line_end(text_, end);
    const Field field = split_field(text_.substr(at_, end - at_), at_);
    at_ = end;
    return field;
}

std::optional<Field> find_field(std::string_view text, std::string_view name) {
    HeaderScanner scanner(text);
    while (auto field = scanner.next())
        if (iequals(field->name, name)) return field;
    return std::nullopt;
}

std::string unfold(std::string_view body) {
    std::string out;
    out.reserve(body.size());
    for (std::size_t i = 0; i < body.size(); ++i) {
        if (body[i] == '\n' || (body[i] == '\r' && i + 1 < body.size() && body[i + 1] == '\n')) continue;
        out.push_back(body[i]);
    }
    while (!out.empty() && is_space(out.back())) out.pop_back();
    const auto first = out.find_first_not_of(" \t\r");
    return out.erase(0, first == std::string::npos ? out.size() : first);
}

} // namespace postern::mail
