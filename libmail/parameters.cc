#include "libmail/parameters.h"

#include "libcommon/text.h"
#include "libmail/chars.h"

#include <algorithm>

namespace postern::mail {
namespace {

// RFC 2045 section 5.1.
bool is_token(char c) {
    return (is_printable(c) || is_eight_bit(c)) && c != ' ' &&
           std::string_view("()<>@,;:\\\"/[]?=").find(c) == std::string_view::npos;
}

// RFC 2231 section 3: "filename*1*" is piece 1 of filename, extended.
struct PieceName {
    std::string_view base;
    unsigned index = 0;
    bool continued = false;
    bool extended = false;
};

PieceName split_name(std::string_view name) {
    PieceName out{name};
    if (name.ends_with('*')) {
        out.extended = true;
        name.remove_suffix(1);
    }
    const auto star = name.rfind('*');
    if (star == std::string_view::npos || star == 0) {
        out.base = name;
        return out;
    }
    const auto index = parse_number(name.substr(star + 1), 9999);
    if (!index) return {out.base, 0, false, false};
    return {name.substr(0, star), static_cast<unsigned>(*index), true, out.extended};
}

void append_escaped(std::string& out, std::string_view value) {
    constexpr char hex[] = "0123456789ABCDEF";
    for (char c : value) {
        const auto byte = static_cast<unsigned char>(c);
        if (is_token(c) && !is_eight_bit(c) && c != '%' && c != '*' && c != '\'') {
            out.push_back(c);
        } else {
            out.append("%").append(1, hex[byte >> 4]).append(1, hex[byte & 15]);
        }
    }
}

struct Piece {
    PieceName name;
    std::size_t from;   // index in the parameters as read
};

// Pieces of one parameter, in order; joined they are extended if any piece is.
Parameter join(const std::vector<Piece>& pieces, std::size_t first, std::size_t last, const Parameters& read) {
    const bool extended = std::any_of(pieces.begin() + static_cast<std::ptrdiff_t>(first),
                                      pieces.begin() + static_cast<std::ptrdiff_t>(last),
                                      [](const Piece& p) { return p.name.extended; });
    Parameter out;
    out.name.assign(pieces[first].name.base).append(extended ? "*" : "");
    unsigned expected = 0;
    for (std::size_t i = first; i < last && pieces[i].name.index == expected; ++i, ++expected) {
        const std::string& value = read[pieces[i].from].value;
        if (extended && !pieces[i].name.extended) {
            if (i == first) out.value = "''";              // the charset'language' that the first piece lacks
            append_escaped(out.value, value);
        } else {
            out.value += value;
        }
    }
    return out;
}

} // namespace

void FieldValue::skip() {
    int depth = 0;
    for (; at_ < text_.size(); ++at_) {
        const char c = text_[at_];
        if (c == '(') ++depth;
        else if (c == ')' && depth > 0) --depth;
        else if (c == '\\' && depth > 0) ++at_;
        else if (depth == 0 && !is_space(c)) return;
    }
    at_ = std::min(at_, text_.size());
}

std::string_view FieldValue::token() {
    skip();
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_token(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
}

bool FieldValue::accept(char c) {
    skip();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
}

// A quoted string, or a token that tolerates the "/" and "=" people forget to quote.
std::string FieldValue::value() {
    std::string out;
    skip();
    if (at_ < text_.size() && text_[at_] == '"') {
        for (++at_; at_ < text_.size(); ++at_) {
            char c = text_[at_];
            if (c == '"') {
                ++at_;
                break;
            }
            if (c == '\\' && at_ + 1 < text_.size()) c = text_[++at_];
            if (c != '\r' && c != '\n') out.push_back(c);
        }
        return out;
    }
    while (at_ < text_.size() && !is_space(text_[at_]) && text_[at_] != ';' && text_[at_] != '(' && text_[at_] != '"')
        out.push_back(text_[at_++]);
    return out;
}

std::optional<Parameter> FieldValue::parameter() {
    for (;;) {
        skip();
        while (at_ < text_.size() && text_[at_] != ';') ++at_;
        if (at_ >= text_.size()) return std::nullopt;
        ++at_;
        Parameter out;
        out.name = token();
        if (!out.name.empty() && accept('=')) {
            out.value = value();
            return out;
        }
    }
}

Parameters FieldValue::parameters() {
    Parameters read, out;
    while (read.size() < max_parameters)
        if (auto one = parameter()) read.push_back(std::move(*one));
        else break;

    std::vector<Piece> pieces;
    for (std::size_t i = 0; i < read.size(); ++i) {
        const PieceName name = split_name(read[i].name);
        if (name.continued) pieces.push_back({name, i});
        else out.push_back(read[i]);
    }
    std::stable_sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) {
        const std::string left = ascii_lower(a.name.base), right = ascii_lower(b.name.base);
        return left != right ? left < right : a.name.index < b.name.index;
    });
    for (std::size_t first = 0; first < pieces.size();) {
        std::size_t last = first + 1;
        while (last < pieces.size() && iequals(pieces[last].name.base, pieces[first].name.base)) ++last;
        out.push_back(join(pieces, first, last, read));
        first = last;
    }
    return out;
}

ContentType parse_content_type(std::string_view body) {
    ContentType out;
    FieldValue value(body);
    out.type = value.token();
    if (value.accept('/')) out.subtype = value.token();
    if (out.type.empty() || out.subtype.empty()) out.type = out.subtype = {};
    const Parameters parameters = value.parameters();
    if (const Parameter* boundary = find_parameter(parameters, "boundary")) out.boundary = boundary->value;
    if (const Parameter* charset = find_parameter(parameters, "charset")) out.charset = charset->value;
    return out;
}

const Parameter* find_parameter(const Parameters& parameters, std::string_view name) {
    const auto found = std::find_if(parameters.begin(), parameters.end(),
                                    [&](const Parameter& p) { return iequals(p.name, name); });
    return found == parameters.end() ? nullptr : &*found;
}

} // namespace postern::mail
