// SEARCH: RFC 3501 section 6.4.4, every key.
#include "libmail/imap/cursor.h"
#include "libmail/imap/parse.h"

#include "libcommon/text.h"

#include <algorithm>

namespace postern::imap {
namespace {

using Kind = SearchKey::Kind;
enum class Argument : std::uint8_t { none, text, header, keyword, date, number, set, one_key, two_keys };
struct Row {
    std::string_view name;
    Kind kind;
    Argument argument = Argument::none;
    std::uint64_t number = 0;        // of flag and no_flag: the bit in system_flags
};
constexpr Row rows[] = {
    {"ALL", Kind::all},
    {"ANSWERED", Kind::flag, Argument::none, 0},
    {"FLAGGED", Kind::flag, Argument::none, 1},
    {"DELETED", Kind::flag, Argument::none, 2},
    {"SEEN", Kind::flag, Argument::none, 3},
    {"DRAFT", Kind::flag, Argument::none, 4},
    {"UNANSWERED", Kind::no_flag, Argument::none, 0},
    {"UNFLAGGED", Kind::no_flag, Argument::none, 1},
    {"UNDELETED", Kind::no_flag, Argument::none, 2},
    {"UNSEEN", Kind::no_flag, Argument::none, 3},
    {"UNDRAFT", Kind::no_flag, Argument::none, 4},
    {"KEYWORD", Kind::keyword, Argument::keyword},
    {"UNKEYWORD", Kind::no_keyword, Argument::keyword},
    {"RECENT", Kind::recent},
    {"OLD", Kind::old},
    {"NEW", Kind::fresh},
    {"BCC", Kind::bcc, Argument::text},
    {"CC", Kind::cc, Argument::text},
    {"FROM", Kind::from, Argument::text},
    {"TO", Kind::to, Argument::text},
    {"SUBJECT", Kind::subject, Argument::text},
    {"BODY", Kind::body, Argument::text},
    {"TEXT", Kind::text, Argument::text},
    {"HEADER", Kind::header, Argument::header},
    {"BEFORE", Kind::before, Argument::date},
    {"ON", Kind::on, Argument::date},
    {"SINCE", Kind::since, Argument::date},
    {"SENTBEFORE", Kind::sent_before, Argument::date},
    {"SENTON", Kind::sent_on, Argument::date},
    {"SENTSINCE", Kind::sent_since, Argument::date},
    {"LARGER", Kind::larger, Argument::number},
    {"SMALLER", Kind::smaller, Argument::number},
    {"UID", Kind::uid, Argument::set},
    {"NOT", Kind::negated, Argument::one_key},
    {"OR", Kind::either, Argument::two_keys},
};

bool parse_key(Cursor& in, SearchKey& key);

bool parse_child(Cursor& in, SearchKey& key) { return in.space() && parse_key(in, key.children.emplace_back()); }

bool parse_argument(Cursor& in, Argument argument, SearchKey& key) {
    switch (argument) {
    case Argument::none: return true;
    case Argument::text: return in.space() && in.astring(key.text);
    case Argument::header: return in.space() && in.astring(key.field) && in.space() && in.astring(key.text);
    case Argument::keyword: return in.space() && in.atom(key.text);
    case Argument::date: return in.space() && in.date(key.day);
    case Argument::number: return in.space() && in.number64(key.number);
    case Argument::set: return in.space() && in.sequence_set(key.set);
    case Argument::one_key: return parse_child(in, key);
    case Argument::two_keys: return parse_child(in, key) && parse_child(in, key);
    }
    return false;
}

// Keys up to the end or a closing parenthesis, all of which must hold.
bool parse_keys(Cursor& in, SearchKey& list) {
    list.kind = Kind::all_of;
    do {
        if (!parse_key(in, list.children.emplace_back())) return false;
    } while (in.accept(' '));
    return true;
}

bool parse_named(Cursor& in, SearchKey& key) {
    std::string name;
    if (!in.word(name)) return false;
    const auto row = std::find_if(std::begin(rows), std::end(rows), [&](const Row& r) { return r.name == name; });
    if (row == std::end(rows)) return in.fail("unknown search key");
    key.kind = row->kind;
    key.number = row->number;
    return parse_argument(in, row->argument, key);
}

bool parse_key(Cursor& in, SearchKey& key) {
    if (!in.charge_node() || !in.enter()) return false;
    bool ok = false;
    if (in.accept('(')) {
        ok = parse_keys(in, key) && in.expect(')');
    } else if (in.at_set()) {
        key.kind = Kind::sequence;
        ok = in.sequence_set(key.set);
    } else {
        ok = parse_named(in, key);
    }
    in.leave();
    return ok;
}

} // namespace

bool parse_search(Cursor& in, bool uid, Command& out) {
    Search search{uid, {}, {}};
    if (!in.space()) return false;
    if (in.accept_word("CHARSET")) {
        if (!in.space() || !in.astring(search.charset) || !in.space()) return false;
        search.charset = ascii_upper(search.charset);
    }
    if (!parse_keys(in, search.key)) return false;
    out = std::move(search);
    return true;
}

} // namespace postern::imap
