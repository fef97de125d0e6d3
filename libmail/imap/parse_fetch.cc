// FETCH's items: RFC 9051 section 6.4.5, with RFC 3501's RFC822 forms.
#include "libmail/imap/cursor.h"
#include "libmail/imap/parse.h"

#include <algorithm>

namespace postern::imap {
namespace {

using Kind = FetchItem::Kind;
struct Name { std::string_view name; Kind kind; };
constexpr Name names[] = {
    {"UID", Kind::uid},
    {"FLAGS", Kind::flags},
    {"INTERNALDATE", Kind::internal_date},
    {"RFC822.SIZE", Kind::rfc822_size},
    {"RFC822.HEADER", Kind::rfc822_header},
    {"RFC822.TEXT", Kind::rfc822_text},
    {"RFC822", Kind::rfc822},
    {"ENVELOPE", Kind::envelope},
    {"BODYSTRUCTURE", Kind::body_structure},
};

struct Macro { std::string_view name; std::vector<Kind> items; };

FetchItem item_of(Kind kind) {
    FetchItem item;
    item.kind = kind;
    return item;
}

// BODY, BODY[...]<a.b>, BODY.PEEK[...]<a.b>; the "[" is still to come.
bool parse_body(Cursor& in, bool peek, FetchItem& item) {
    item.peek = peek;
    if (!in.accept('[')) {
        item.kind = Kind::body;
        return !peek || in.fail("expected [");
    }
    item.kind = Kind::section;
    if (!in.section(item.section)) return false;
    if (!in.accept('<')) return true;
    FetchPartial& partial = item.partial.emplace();
    if (!in.number64(partial.offset) || !in.expect('.') || !in.number64(partial.length) || !in.expect('>'))
        return false;
    return partial.length > 0 || in.fail("a partial length of zero");
}

bool parse_item(Cursor& in, FetchItem& item) {
    std::string name;
    if (!in.fetch_name(name)) return false;
    if (name == "BODY" || name == "BODY.PEEK") return parse_body(in, name == "BODY.PEEK", item);
    const auto found =
        std::find_if(std::begin(names), std::end(names), [&](const Name& n) { return n.name == name; });
    if (found == std::end(names)) return in.fail("unknown FETCH item");
    item.kind = found->kind;
    return true;
}

bool parse_macro(Cursor& in, std::vector<FetchItem>& out) {
    static const Macro macros[] = {
        {"ALL", {Kind::flags, Kind::internal_date, Kind::rfc822_size, Kind::envelope}},
        {"FAST", {Kind::flags, Kind::internal_date, Kind::rfc822_size}},
        {"FULL", {Kind::flags, Kind::internal_date, Kind::rfc822_size, Kind::envelope, Kind::body}},
    };
    for (const Macro& macro : macros) {
        if (!in.accept_word(macro.name)) continue;
        for (Kind kind : macro.items) out.push_back(item_of(kind));
        return true;
    }
    return false;
}

} // namespace

bool parse_fetch_items(Cursor& in, std::vector<FetchItem>& out) {
    if (!in.accept('(')) return parse_macro(in, out) || parse_item(in, out.emplace_back());
    do {
        FetchItem item;
        if (!in.charge_node() || !parse_item(in, item)) return false;
        // Said once, however often it was asked for: an item's cost is its answer's size.
        if (std::find(out.begin(), out.end(), item) == out.end()) out.push_back(std::move(item));
        if (out.size() > 100) return in.fail("too many items");
    } while (in.accept(' '));
    return in.expect(')');
}

} // namespace postern::imap
