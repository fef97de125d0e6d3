// LIST and LSUB: RFC 9051 section 6.3.9; options of RFC 5258, 5819 and 6154.
#include "libmail/imap/cursor.h"
#include "libmail/imap/parse.h"

#include <algorithm>
#include <iterator>

namespace postern::imap {
namespace {

struct Option { std::string_view name; bool List::* member; };
constexpr Option selection_options[] = {
    {"SUBSCRIBED", &List::only_subscribed},
    {"SPECIAL-USE", &List::only_special_use},
    {"RECURSIVEMATCH", &List::recursive_match},
    {"REMOTE", nullptr},                        // nothing here is remote
};
constexpr Option return_options[] = {
    {"SUBSCRIBED", &List::return_subscribed},
    {"CHILDREN", &List::return_children},
    {"SPECIAL-USE", &List::return_special_use},
};

bool take_option(List& list, std::span<const Option> options, std::string_view name) {
    const auto found = std::find_if(options.begin(), options.end(), [&](const Option& o) { return o.name == name; });
    if (found == options.end()) return false;
    if (found->member) list.*(found->member) = true;
    return true;
}

bool parse_selection(Cursor& in, List& list) {
    if (!in.expect('(')) return false;
    while (!in.accept(')')) {
        std::string name;
        if (!in.charge_node() || !in.word(name)) return false;
        if (!take_option(list, selection_options, name)) return in.fail("unknown LIST option");
        if (!in.next_is(')') && !in.space()) return false;
    }
    // RFC 5258 section 3.1: RECURSIVEMATCH qualifies another option.
    return !list.recursive_match || list.only_subscribed || list.only_special_use || in.fail("RECURSIVEMATCH alone");
}

bool parse_return(Cursor& in, List& list) {
    if (!in.accept_word("RETURN") || !in.space() || !in.expect('(')) return in.fail("expected RETURN");
    while (!in.accept(')')) {
        std::string name;
        if (!in.charge_node() || !in.word(name)) return false;
        if (name == "STATUS") {
            if (!in.space() || !parse_status_items(in, list.return_status)) return false;
        } else if (!take_option(list, return_options, name)) {
            return in.fail("unknown LIST option");
        }
        if (!in.next_is(')') && !in.space()) return false;
    }
    return true;
}

bool parse_patterns(Cursor& in, List& list) {
    if (!in.accept('(')) return in.list_mailbox(list.patterns.emplace_back());
    list.extended = true;
    do {
        if (!in.charge_node() || !in.list_mailbox(list.patterns.emplace_back())) return false;
    } while (in.accept(' '));
    return in.expect(')');
}

} // namespace

bool parse_status_items(Cursor& in, std::vector<StatusItem>& out) {
    if (!in.expect('(')) return false;
    do {
        std::string name;
        if (!in.word(name)) return false;
        const auto found = std::find(std::begin(status_item_names), std::end(status_item_names), name);
        if (found == std::end(status_item_names)) return in.fail("unknown status item");
        const auto item = static_cast<StatusItem>(found - std::begin(status_item_names));
        if (std::find(out.begin(), out.end(), item) == out.end()) out.push_back(item);
    } while (in.accept(' '));
    return in.expect(')');
}

bool parse_list(Cursor& in, bool, Command& out) {
    List list;
    if (!in.space()) return false;
    if (in.next_is('(')) {
        list.extended = true;
        if (!parse_selection(in, list) || !in.space()) return false;
    }
    if (!in.mailbox(list.reference) || !in.space() || !parse_patterns(in, list)) return false;
    if (in.accept(' ')) {
        list.extended = true;
        if (!parse_return(in, list)) return false;
    }
    out = std::move(list);
    return true;
}

bool parse_lsub(Cursor& in, bool, Command& out) {
    List list;
    list.lsub = true;
    if (!in.space() || !in.mailbox(list.reference) || !in.space() || !in.list_mailbox(list.patterns.emplace_back()))
        return false;
    out = std::move(list);
    return true;
}

} // namespace postern::imap
