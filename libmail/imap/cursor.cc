#include "libmail/imap/cursor.h"

#include "libcommon/text.h"
#include "libmail/chars.h"
#include "libmail/date.h"
#include "libmail/imap/modified_utf7.h"

#include <algorithm>

namespace postern::imap {
namespace {

// RFC 9051 section 9.
bool is_atom_char(char c) {
    return mail::is_printable(c) && std::string_view(" (){%*\"\\]").find(c) == std::string_view::npos;
}
bool is_astring_char(char c) { return is_atom_char(c) || c == ']'; }
bool is_list_char(char c) { return is_astring_char(c) || c == '%' || c == '*'; }
bool is_tag_char(char c) { return is_astring_char(c) && c != '+'; }
bool is_set_char(char c) { return mail::is_digit(c) || c == ':' || c == ',' || c == '*'; }
constexpr std::size_t max_tag = 100;

} // namespace

bool Cursor::fail(std::string_view why) {
    if (error_.empty()) error_.assign(why).append(" at column ").append(std::to_string(at_ + 1));
    return false;
}

bool Cursor::expect(char c) {
    if (accept(c)) return true;
    return fail(c == ' '   ? "expected a space"
                : c == ')' ? "expected )"
                : c == '(' ? "expected ("
                           : "unexpected character");
}

bool Cursor::accept_word(std::string_view word) {
    const std::string_view rest = text_.substr(at_);
    if (!istarts_with(rest, word)) return false;
    if (rest.size() > word.size() && is_atom_char(rest[word.size()])) return false;
    at_ += word.size();
    return true;
}

bool Cursor::atom(std::string& out) {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_atom_char(text_[at_])) ++at_;
    out = text_.substr(begin, at_ - begin);
    return !out.empty() || fail("expected a word");
}

bool Cursor::word(std::string& out) {
    if (!atom(out)) return false;
    out = ascii_upper(out);
    return true;
}

bool Cursor::fetch_name(std::string& out) {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_atom_char(text_[at_]) && text_[at_] != '[') ++at_;
    out = ascii_upper(text_.substr(begin, at_ - begin));
    return !out.empty() || fail("expected a FETCH item");
}

bool Cursor::tag(std::string& out) {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_tag_char(text_[at_])) ++at_;
    out = text_.substr(begin, at_ - begin);
    if (out.empty()) return fail("missing tag");
    return out.size() <= max_tag || fail("tag too long");
}

bool Cursor::quoted(std::string& out) {
    for (++at_; at_ < text_.size(); ++at_) {
        char c = text_[at_];
        if (c == '"') {
            ++at_;
            return true;
        }
        if (c == '\\') {
            if (++at_ >= text_.size() || (text_[at_] != '"' && text_[at_] != '\\'))
                return fail("bad escape in string");
            c = text_[at_];
        }
        if (c == '\0' || c == '\r' || c == '\n') return fail("control character in string");
        out.push_back(c);
    }
    return fail("unfinished string");
}

bool Cursor::literal(std::string& out) {
    const auto line_end = text_.find("\r\n", at_);
    const auto header =
        literal_at_end(text_.substr(at_, line_end == std::string_view::npos ? line_end : line_end - at_));
    if (line_end == std::string_view::npos || !header || !header->size) return fail("bad literal");
    const std::size_t begin = line_end + 2;
    if (text_.size() - begin < *header->size) return fail("literal cut short");
    out = text_.substr(begin, *header->size);
    if (out.find('\0') != std::string::npos) return fail("NUL in literal");     // CHAR8
    at_ = begin + out.size();
    return true;
}

bool Cursor::string(std::string& out) {
    out.clear();
    if (next_is('"')) return quoted(out);
    if (next_is('{')) return literal(out);
    return fail("expected a string");
}

bool Cursor::astring(std::string& out) {
    if (next_is('"') || next_is('{')) return string(out);
    const std::size_t begin = at_;
    while (at_ < text_.size() &&
           (is_astring_char(text_[at_]) || (dialect_.utf8 && mail::is_eight_bit(text_[at_]))))
        ++at_;
    out = text_.substr(begin, at_ - begin);
    return !out.empty() || fail("expected a string");
}

bool Cursor::nstring(std::optional<std::string>& out) {
    out.reset();
    if (accept_word("NIL")) return true;
    return string(out.emplace());
}

bool Cursor::number64(std::uint64_t& out) {
    const std::size_t begin = at_;
    while (at_ < text_.size() && mail::is_digit(text_[at_])) ++at_;
    const auto value = parse_number(text_.substr(begin, at_ - begin), INT64_MAX);   // number64 is 63 bits
    if (!value) return fail(at_ == begin ? "expected a number" : "number too large");
    out = *value;
    return true;
}

bool Cursor::number(std::uint32_t& out) {
    std::uint64_t value = 0;
    if (!number64(value)) return false;
    if (value > UINT32_MAX) return fail("number too large");
    out = static_cast<std::uint32_t>(value);
    return true;
}

bool Cursor::sequence_set(SequenceSet& out) {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_set_char(text_[at_])) ++at_;
    auto set = parse_sequence_set(text_.substr(begin, at_ - begin));
    if (!set) return fail("invalid message set");
    out = std::move(*set);
    return true;
}

bool Cursor::flag(FlagList& out) {
    const bool system = accept('\\');
    std::string name;
    if (!atom(name)) return false;
    if (!system) {
        if (name.size() > max_keyword_size) return fail("keyword too long");
        const auto same = [&](const std::string& k) { return iequals(k, name); };
        if (std::none_of(out.keywords.begin(), out.keywords.end(), same)) out.keywords.push_back(std::move(name));
        return true;
    }
    for (std::size_t bit = 0; bit < system_flags.size(); ++bit) {
        if (!iequals(system_flags[bit].substr(1), name)) continue;
        out.system = static_cast<std::uint8_t>(out.system | (1U << bit));
        return true;
    }
    return fail("no such system flag");
}

bool Cursor::flag_list(FlagList& out) {
    if (!expect('(')) return false;
    if (accept(')')) return true;
    do {
        if (!charge_node() || !flag(out)) return false;
    } while (accept(' '));
    return expect(')');
}

bool Cursor::two_digits(unsigned& out) {
    const auto value = parse_number(text_.substr(std::min(at_, text_.size()), 2));
    if (!value || text_.size() - at_ < 2) return fail("invalid date");
    out = static_cast<unsigned>(*value);
    at_ += 2;
    return true;
}

bool Cursor::date(std::int64_t& day) {
    const bool quoted = accept('"');
    std::uint32_t d = 0, year = 0;
    if (!number(d) || !expect('-')) return false;
    const unsigned month = mail::month_number(text_.substr(at_, 3));
    at_ = std::min(at_ + 3, text_.size());
    const std::size_t digits = at_ + 1;
    if (!expect('-') || !number(year)) return false;
    const auto value = at_ - digits == 4 ? mail::day_of(static_cast<int>(year), month, d) : std::nullopt;
    if (!value || month == 0) return fail("invalid date");
    day = *value;
    return !quoted || expect('"');
}

bool Cursor::date_time(std::int64_t& seconds) {
    unsigned day = 0, hour = 0, minute = 0, second = 0, zone_hour = 0, zone_minute = 0;
    std::uint32_t year = 0;
    if (!expect('"')) return false;
    if (accept(' ')) {
        std::uint32_t digit = 0;
        if (!number(digit)) return false;
        day = digit;
    } else if (!two_digits(day)) {
        return false;
    }
    if (!expect('-')) return false;
    const unsigned month = mail::month_number(text_.substr(at_, 3));
    at_ = std::min(at_ + 3, text_.size());
    if (!expect('-') || !number(year) || !space()) return false;
    if (!two_digits(hour) || !expect(':') || !two_digits(minute) || !expect(':') || !two_digits(second) ||
        !space())
        return false;
    const bool west = accept('-');
    if (!west && !expect('+')) return false;
    if (!two_digits(zone_hour) || !two_digits(zone_minute) || !expect('"')) return false;
    const auto date = year > 9999 || month == 0 ? std::nullopt : mail::day_of(static_cast<int>(year), month, day);
    if (!date || hour > 23 || minute > 59 || second > 60 || zone_minute > 59) return fail("invalid date");
    const std::int64_t zone = (zone_hour * 60 + zone_minute) * 60;
    seconds = *date * 86400 + hour * 3600 + minute * 60 + second + (west ? zone : -zone);
    return true;
}

// INBOX in any case is INBOX; everything else keeps its case.
bool Cursor::decode_mailbox(std::string& name) {
    if (!dialect_.utf8) {
        auto decoded = from_modified_utf7(name);
        if (!decoded) return fail("mailbox name is not modified UTF-7");
        name = std::move(*decoded);
    } else if (!is_utf8(name) || std::any_of(name.begin(), name.end(),
                                             [](char c) { return c >= 0 && !mail::is_printable(c); })) {
        return fail("mailbox name is not UTF-8");
    }
    if (istarts_with(name, "INBOX") && (name.size() == 5 || name[5] == '/')) name.replace(0, 5, "INBOX");
    return true;
}

bool Cursor::mailbox(std::string& out) { return astring(out) && decode_mailbox(out); }

bool Cursor::list_mailbox(std::string& out) {
    if (next_is('"') || next_is('{')) return string(out) && decode_mailbox(out);
    const std::size_t begin = at_;
    while (at_ < text_.size() &&
           (is_list_char(text_[at_]) || (dialect_.utf8 && mail::is_eight_bit(text_[at_]))))
        ++at_;
    out = text_.substr(begin, at_ - begin);
    if (out.empty()) return fail("expected a mailbox pattern");
    return decode_mailbox(out);
}

bool Cursor::section(mail::Section& out) {
    using What = mail::Section::What;
    static constexpr struct { std::string_view name; What what; bool needs_part; } names[] = {
        {"HEADER.FIELDS.NOT", What::header_fields_not, false},
        {"HEADER.FIELDS", What::header_fields, false},
        {"HEADER", What::header, false},
        {"TEXT", What::text, false},
        {"MIME", What::mime, true},
    };
    if (accept(']')) return true;
    while (at_ < text_.size() && mail::is_digit(text_[at_])) {
        std::uint32_t part = 0;
        if (!number(part)) return false;
        if (part == 0 || out.part.size() >= mail::Structure::max_depth) return fail("invalid section");
        out.part.push_back(part);
        if (!accept('.')) return expect(']');
    }
    for (const auto& entry : names) {
        if (!accept_word(entry.name)) continue;
        if (entry.needs_part && out.part.empty()) return fail("MIME needs a part number");
        out.what = entry.what;
        if (entry.what != What::header_fields && entry.what != What::header_fields_not) return expect(']');
        if (!space() || !expect('(')) return false;
        do {
            if (!charge_node() || !astring(out.fields.emplace_back())) return false;
        } while (accept(' '));
        return expect(')') && expect(']');
    }
    return fail("invalid section");
}

bool Cursor::charge_node() { return ++nodes_ <= SearchKey::max_nodes || fail("command too complex"); }
bool Cursor::enter() { return ++depth_ <= SearchKey::max_depth || fail("nested too deeply"); }

std::optional<Cursor::LiteralHeader> Cursor::trailing_literal() const {
    std::string_view rest = text_.substr(at_);
    if (!rest.ends_with("\r\n")) return std::nullopt;
    rest.remove_suffix(2);
    const auto header = rest.starts_with('{') ? literal_at_end(rest) : std::nullopt;
    if (!header || !header->size || rest.find('\n') != std::string_view::npos) return std::nullopt;
    return LiteralHeader{*header->size, header->synchronizing};
}

std::optional<LineLiteral> literal_at_end(std::string_view line) {
    if (!line.ends_with('}')) return std::nullopt;
    const auto open = line.rfind('{');
    if (open == std::string_view::npos) return std::nullopt;
    std::string_view digits = line.substr(open + 1, line.size() - open - 2);
    LineLiteral out;
    if (digits.ends_with('+')) {                    // RFC 7888
        out.synchronizing = false;
        digits.remove_suffix(1);
    }
    if (digits.empty() || !std::all_of(digits.begin(), digits.end(), mail::is_digit)) return std::nullopt;
    out.size = parse_number(digits, INT64_MAX);
    return out;
}

} // namespace postern::imap
