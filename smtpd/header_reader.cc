#include "smtpd/header_reader.h"

#include "libcommon/text.h"
#include "libmail/address.h"
#include "libmail/address_list.h"
#include "libmail/chars.h"
#include "libmail/headers.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

namespace postern::smtpd {
namespace {

// RFC 5322 section 2.1.1 ends a line at 998: what has no colon by then is no field, and need not be held any longer.
constexpr std::size_t max_name = 998;
constexpr std::size_t max_message_id = 250;        // rarely over 100 bytes; a log line is no place for more
constexpr std::size_t max_authors_bytes = 16384;
constexpr std::size_t max_authors = 64;

struct Row {
    std::string_view name;
    bool once = false;                             // RFC 5322 section 3.6, the table
    bool authors = false;                          // RFC 5322 sections 3.6.2 and 3.6.6
    bool blind = false;                            // RFC 5322 section 3.6.3
};
constexpr Row rows[] = {
    {.name = "From", .once = true, .authors = true},
    {.name = "Sender", .once = true, .authors = true},
    {.name = "Reply-To", .once = true},
    {.name = "To", .once = true},
    {.name = "Cc", .once = true},
    {.name = "Subject", .once = true},
    {.name = "Date", .once = true},
    {.name = "Message-ID", .once = true},
    {.name = "In-Reply-To", .once = true},
    {.name = "References", .once = true},
    {.name = "Bcc", .blind = true},
    {.name = "Resent-Bcc", .blind = true},
    {.name = "Resent-From", .authors = true},      // one of each for every time it was resent
    {.name = "Resent-Sender", .authors = true},
    {.name = "Received"},
    {.name = "DKIM-Signature"},
    {.name = ""},
};
static_assert(std::size(rows) == static_cast<std::size_t>(HeaderField::other) + 1);

const Row& row_of(HeaderField field) { return rows[static_cast<std::size_t>(field)]; }

HeaderField field_named(std::string_view name) {
    for (std::size_t i = 0; i + 1 < std::size(rows); ++i)
        if (rows[i].name.size() == name.size() && iequals(rows[i].name, name)) return static_cast<HeaderField>(i);
    return HeaderField::other;
}

// RFC 5322 section 2.2: printable, no blank, no colon.
bool is_field_name(std::string_view name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return mail::is_printable(c) && c != ' '; });
}

bool has_eight_bit(std::string_view bytes) {
    std::uint64_t all = 0, eight = 0;              // eight octets at a time: nearly all there is to do with most lines
    for (; bytes.size() >= sizeof eight; bytes.remove_prefix(sizeof eight)) {
        std::memcpy(&eight, bytes.data(), sizeof eight);
        all |= eight;
    }
    return (all & 0x8080808080808080ULL) != 0 || std::any_of(bytes.begin(), bytes.end(), mail::is_eight_bit);
}

} // namespace

std::string_view to_string(HeaderField field) { return row_of(field).name; }

void HeaderReader::pass(std::string& out, std::size_t from) {
    if (!held_.empty()) out.insert(from, std::exchange(held_, {}));
    const std::string_view bytes = std::string_view(out).substr(from);
    std::size_t at = 0, kept = 0;                  // what goes on moves to the front: `kept` never overtakes `at`
    const auto keep = [&](std::size_t count) {
        if (kept != at) std::memmove(out.data() + from + kept, out.data() + from + at, count);
        kept += count;
        at += count;
    };
    while (at < bytes.size() && !ended_) {
        if (at_line_start_ && !begin_line(bytes.substr(at))) break;
        if (ended_) break;
        const auto end = bytes.find('\n', at);
        const std::size_t length = (end == std::string_view::npos ? bytes.size() : end + 1) - at;
        take(bytes.substr(at, length));
        if (dropping_) at += length;
        else keep(length);
    }
    if (ended_) keep(bytes.size() - at);
    else held_ = bytes.substr(at);
    out.resize(from + kept);
}

// False: what kind of line this is cannot be said yet.
bool HeaderReader::begin_line(std::string_view rest) {
    if (rest == "\r") return false;
    if (rest.front() == '\n' || rest.starts_with("\r\n")) {
        facts_.bare_line_end |= binary_ && rest.front() == '\n';
        end_header();
        return true;
    }
    if (mail::is_blank(rest.front()) && facts_.bytes > 0) {   // goes on with the field before it
        at_line_start_ = false;
        return true;
    }
    const std::string_view searched = rest.substr(0, max_name);
    std::size_t end = 0;
    while (end < searched.size() && searched[end] != ':' && searched[end] != '\n') ++end;
    if (end == searched.size() && end < max_name) return false;
    end_field();
    at_line_start_ = false;
    facts_.malformed |= mail::is_blank(rest.front());          // there is none before it: the obsolete reading is a name
    if (end < searched.size() && searched[end] == ':') begin_field(trim(searched.substr(0, end)));
    else facts_.malformed = true;
    return true;
}

void HeaderReader::begin_field(std::string_view name) {
    facts_.malformed |= !is_field_name(name);
    field_ = field_named(name);
    const Row& row = row_of(field_);
    if (facts_.seen.has(field_) && row.once) facts_.repeated.add(field_);
    facts_.seen.add(field_);
    dropping_ = submission_ && row.blind;
    if (field_ == HeaderField::received) ++facts_.received;
    if (field_ == HeaderField::message_id && facts_.message_id.empty()) wanted_ = max_message_id;
    if (submission_ && row.authors) wanted_ = max_authors_bytes;
}

// A line, or what there is of it.
void HeaderReader::take(std::string_view piece) {
    facts_.bytes += piece.size();
    check_octets(piece);
    if (binary_) check_line_ends(piece);
    if (wanted_ > value_.size()) value_.append(piece.substr(0, wanted_ - value_.size()));
    at_line_start_ = piece.ends_with('\n');
}

// A character may be cut anywhere; what is ASCII and follows none needs no second look.
void HeaderReader::check_octets(std::string_view piece) {
    const bool eight_bit = has_eight_bit(piece);
    facts_.eight_bit |= eight_bit;
    if (eight_bit || utf8_.within()) facts_.not_utf8 |= !utf8_.take(piece);
}

// The header of a binary message is text: RFC 3030 section 3 changes the body only, and a reader that takes a lone CR or LF
// for the end of a line would find other fields than we do.
void HeaderReader::check_line_ends(std::string_view piece) {
    const bool ends = piece.back() == '\n';
    const std::string_view text = piece.substr(0, piece.size() - (ends ? 1 : 0));
    const char before = text.empty() ? last_ : text.back();
    const auto cr = text.find('\r');
    const bool lone_cr = (cr != std::string_view::npos && cr + 1 < text.size()) || (last_ == '\r' && !text.empty());
    facts_.bare_line_end |= lone_cr || (ends && before != '\r') || text.find('\0') != std::string_view::npos;
    last_ = piece.back();
}

void HeaderReader::end_field() {
    dropping_ = false;
    if (wanted_ == 0) return;
    if (field_ == HeaderField::message_id) facts_.message_id = mail::unfold(mail::split_field(value_, 0).body);
    else note_authors();
    wanted_ = 0;
    value_.clear();
}

void HeaderReader::end_header() {
    end_field();
    ended_ = true;
    value_ = {};
}

void HeaderReader::finish(std::string& out) {
    if (ended_) return;
    if (!held_.empty()) {
        end_field();
        facts_.malformed = true;
        take(held_);
        out.append(std::exchange(held_, {}));
    }
    facts_.bare_line_end |= binary_ && last_ == '\r';
    facts_.not_utf8 |= utf8_.within();
    end_header();
}

void HeaderReader::note_authors() {
    mail::AddressListParser parser(mail::split_field(value_, 0).body);
    mail::HeaderAddress each;
    bool clear = value_.size() < wanted_, any = false;
    while (parser.next(each) && facts_.authors.size() < max_authors) {
        if (each.kind != mail::HeaderAddress::Kind::mailbox) continue;
        const auto mailbox = mail::parse_mailbox(mail::Mailbox{each.local_part, each.domain}.text());
        if (mailbox) facts_.authors.push_back({field_, mailbox->text()});
        else clear = false;
        any = true;
    }
    if (!clear || !any || !parser.clear() || facts_.authors.size() == max_authors) facts_.unclear = facts_.unclear.value_or(field_);
}

} // namespace postern::smtpd
