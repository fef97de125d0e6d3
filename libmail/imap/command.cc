#include "libmail/imap/command.h"

#include "libcommon/text.h"
#include "libmail/imap/cursor.h"
#include "libmail/imap/parse.h"

#include <algorithm>

namespace postern::imap {
namespace {

template <class T> bool parse_bare(Cursor&, bool, Command& out) {
    out = T{};
    return true;
}

bool parse_id(Cursor& in, bool, Command& out) {      // RFC 2971 section 3.1
    Id id;
    if (!in.space()) return false;
    if (!in.accept_word("NIL")) {
        if (!in.expect('(')) return false;
        while (!in.accept(')')) {
            if (!id.fields.empty() && !in.space()) return false;
            auto& [key, value] = id.fields.emplace_back();
            if (!in.string(key) || !in.space() || !in.nstring(value)) return false;
            if (id.fields.size() > 30) return in.fail("too many fields");
        }
    }
    out = std::move(id);
    return true;
}

bool parse_login(Cursor& in, bool, Command& out) {
    Login login;
    if (!in.space() || !in.astring(login.user) || !in.space() || !in.astring(login.password)) return false;
    out = std::move(login);
    return true;
}

bool parse_authenticate(Cursor& in, bool, Command& out) {    // RFC 4959 section 7
    Authenticate authenticate;
    if (!in.space() || !in.word(authenticate.mechanism)) return false;
    if (in.accept(' ') && !in.atom(authenticate.initial_response.emplace())) return false;
    out = std::move(authenticate);
    return true;
}

bool parse_enable(Cursor& in, bool, Command& out) {
    Enable enable;
    while (in.accept(' '))
        if (!in.charge_node() || !in.word(enable.capabilities.emplace_back())) return false;
    if (enable.capabilities.empty()) return in.fail("expected a capability");
    out = std::move(enable);
    return true;
}

template <bool ReadOnly> bool parse_select(Cursor& in, bool, Command& out) {
    Select select{{}, ReadOnly};
    if (!in.space() || !in.mailbox(select.mailbox)) return false;
    out = std::move(select);
    return true;
}

bool parse_create(Cursor& in, bool, Command& out) {          // RFC 6154 section 3
    Create create;
    if (!in.space() || !in.mailbox(create.mailbox)) return false;
    if (in.accept(' ')) {
        std::string parameter;
        if (!in.expect('(') || !in.word(parameter) || parameter != "USE" || !in.space() || !in.expect('('))
            return in.fail("unknown CREATE parameter");
        while (!in.accept(')')) {
            if (!create.special_use.empty() && !in.space()) return false;
            std::string use;
            if (!in.expect('\\') || !in.charge_node() || !in.atom(use)) return false;
            create.special_use.push_back("\\" + use);
        }
        if (!in.expect(')')) return false;
    }
    out = std::move(create);
    return true;
}

template <class T> bool parse_mailbox(Cursor& in, bool, Command& out) {
    T command{};
    if (!in.space() || !in.mailbox(command.mailbox)) return false;
    out = std::move(command);
    return true;
}

bool parse_unsubscribe(Cursor& in, bool, Command& out) {
    Subscribe command{{}, false};
    if (!in.space() || !in.mailbox(command.mailbox)) return false;
    out = std::move(command);
    return true;
}

bool parse_rename(Cursor& in, bool, Command& out) {
    Rename rename;
    if (!in.space() || !in.mailbox(rename.from) || !in.space() || !in.mailbox(rename.to)) return false;
    out = std::move(rename);
    return true;
}

bool parse_status(Cursor& in, bool, Command& out) {
    Status status;
    if (!in.space() || !in.mailbox(status.mailbox) || !in.space() || !parse_status_items(in, status.items))
        return false;
    out = std::move(status);
    return true;
}

// Mailbox, flags and date of an APPEND, up to where its literal must be.
bool parse_append_arguments(Cursor& in, Append& append) {
    if (!in.space() || !in.mailbox(append.mailbox) || !in.space()) return false;
    if (in.next_is('(') && (!in.flag_list(append.flags) || !in.space())) return false;
    if (in.next_is('"') && (!in.date_time(append.internal_date.emplace()) || !in.space())) return false;
    return true;
}

// The command reader sees to it that a well-formed APPEND never comes here: its message is a stream.
bool parse_append(Cursor& in, bool, Command&) {
    Append append;
    return parse_append_arguments(in, append) && in.fail("expected a literal");
}

bool parse_expunge(Cursor& in, bool uid, Command& out) {     // RFC 4315 section 2.1
    Expunge expunge;
    if (uid && (!in.space() || !in.sequence_set(expunge.uids.emplace()))) return false;
    out = std::move(expunge);
    return true;
}

bool parse_fetch(Cursor& in, bool uid, Command& out) {
    Fetch fetch{uid, {}, {}};
    if (!in.space() || !in.sequence_set(fetch.set) || !in.space() || !parse_fetch_items(in, fetch.items))
        return false;
    if (uid && std::none_of(fetch.items.begin(), fetch.items.end(),
                            [](const FetchItem& i) { return i.kind == FetchItem::Kind::uid; }))
        fetch.items.insert(fetch.items.begin(), FetchItem{});       // RFC 9051 section 6.4.9
    out = std::move(fetch);
    return true;
}

bool parse_store(Cursor& in, bool uid, Command& out) {
    Store store{uid, {}, Store::Mode::replace, false, {}};
    if (!in.space() || !in.sequence_set(store.set) || !in.space()) return false;
    if (in.accept('+')) store.mode = Store::Mode::add;
    else if (in.accept('-')) store.mode = Store::Mode::remove;
    std::string item;
    if (!in.word(item) || !in.space()) return false;
    store.silent = item == "FLAGS.SILENT";
    if (!store.silent && item != "FLAGS") return in.fail("expected FLAGS");
    if (in.next_is('(')) {
        if (!in.flag_list(store.flags)) return false;
    } else {
        do {
            if (!in.charge_node() || !in.flag(store.flags)) return false;
        } while (in.accept(' '));
    }
    out = std::move(store);
    return true;
}

template <bool Move> bool parse_copy(Cursor& in, bool uid, Command& out) {
    Copy copy{uid, Move, {}, {}};
    if (!in.space() || !in.sequence_set(copy.set) || !in.space() || !in.mailbox(copy.mailbox)) return false;
    out = std::move(copy);
    return true;
}

// One row per verb: where it is legal, whether UID may stand before it, its grammar.
constexpr Verb table[] = {
    {"CAPABILITY", any_state, false, parse_bare<Capability>},
    {"NOOP", any_state, false, parse_bare<Noop>},
    {"LOGOUT", any_state, false, parse_bare<Logout>},
    {"ID", any_state, false, parse_id},
    {"STARTTLS", not_authenticated, false, parse_bare<StartTls>},
    {"LOGIN", not_authenticated, false, parse_login},
    {"AUTHENTICATE", not_authenticated, false, parse_authenticate},
    {"ENABLE", logged_in, false, parse_enable},
    {"SELECT", logged_in, false, parse_select<false>},
    {"EXAMINE", logged_in, false, parse_select<true>},
    {"CREATE", logged_in, false, parse_create},
    {"DELETE", logged_in, false, parse_mailbox<Delete>},
    {"RENAME", logged_in, false, parse_rename},
    {"SUBSCRIBE", logged_in, false, parse_mailbox<Subscribe>},
    {"UNSUBSCRIBE", logged_in, false, parse_unsubscribe},
    {"LIST", logged_in, false, parse_list},
    {"LSUB", logged_in, false, parse_lsub},
    {"NAMESPACE", logged_in, false, parse_bare<Namespace>},
    {"STATUS", logged_in, false, parse_status},
    {"APPEND", logged_in, false, parse_append},
    {"IDLE", logged_in, false, parse_bare<Idle>},
    {"CHECK", selected, false, parse_bare<Check>},
    {"CLOSE", selected, false, parse_bare<Close>},
    {"UNSELECT", selected, false, parse_bare<Unselect>},
    {"EXPUNGE", selected, true, parse_expunge},
    {"SEARCH", selected, true, parse_search},
    {"FETCH", selected, true, parse_fetch},
    {"STORE", selected, true, parse_store},
    {"COPY", selected, true, parse_copy<false>},
    {"MOVE", selected, true, parse_copy<true>},
};

const Verb* find_verb(std::string_view name) {
    const auto found =
        std::find_if(std::begin(table), std::end(table), [&](const Verb& v) { return v.name == name; });
    return found == std::end(table) ? nullptr : found;
}

} // namespace

std::span<const Verb> verbs() { return table; }

std::variant<Parsed, BadSyntax> parse_command(std::string_view text, Dialect dialect) {
    Cursor in(text, dialect);
    Parsed parsed;
    std::string name;
    if (!in.tag(parsed.tag)) return BadSyntax{"*", in.error()};
    const auto bad = [&] { return BadSyntax{parsed.tag, in.error()}; };
    if (!in.space() || !in.word(name)) return bad();
    const bool uid = name == "UID";
    if (uid && (!in.space() || !in.word(name))) return bad();
    parsed.verb = find_verb(name);
    if (!parsed.verb || (uid && !parsed.verb->has_uid_form)) return BadSyntax{parsed.tag, "unknown command"};
    if (!parsed.verb->parse(in, uid, parsed.command)) return bad();
    if (!in.at_end()) {
        in.fail("unexpected text");
        return bad();
    }
    return parsed;
}

AppendHead parse_append_head(std::string_view text, Dialect dialect) {
    Cursor in(text, dialect);
    AppendHead head;
    std::string name;
    const bool arguments = in.tag(head.tag) && in.space() && in.word(name) && parse_append_arguments(in, head.append);
    const auto literal = in.trailing_literal();
    if (arguments && literal) {
        head.state = AppendHead::State::message_follows;
        head.append.size = literal->size;
        head.append.synchronizing = literal->synchronizing;
    } else if (!arguments && literal && text.size() - in.position() > 0 && in.position() == head.tag.size() + 8) {
        head.state = AppendHead::State::name_follows;        // "A1 APPEND {5}"
    } else {
        if (arguments) in.fail("expected a literal");
        head.error = in.error();
        if (head.tag.empty()) head.tag = "*";
    }
    return head;
}

std::string tag_of(std::string_view text) {
    Cursor in(text, {});
    std::string tag;
    return in.tag(tag) && (in.at_end() || in.next_is(' ')) ? tag : "*";
}

} // namespace postern::imap
