// A command as one line of text, for tables of cases.
#pragma once

#include "libmail/imap/command.h"

#include <fmt/core.h>

namespace postern::imap {

inline std::string describe(const SequenceSet& set) {
    std::string out;
    for (auto r : set.ranges) {
        auto number = [](std::uint32_t n) { return n == SequenceSet::star ? std::string("*") : std::to_string(n); };
        out += (out.empty() ? "" : ",") + number(r.first) + (r.first == r.last ? "" : ":" + number(r.last));
    }
    return out;
}

inline std::string describe(const FlagList& flags) {
    std::string out;
    for (std::size_t bit = 0; bit < system_flags.size(); ++bit)
        if (flags.system & (1U << bit)) out += (out.empty() ? "" : " ") + std::string(system_flags[bit]);
    for (const auto& keyword : flags.keywords) out += (out.empty() ? "" : " ") + keyword;
    return "(" + out + ")";
}

inline std::string describe(const SearchKey& key) {
    using Kind = SearchKey::Kind;
    auto children = [&](std::string name) {
        for (const SearchKey& child : key.children) name += " " + describe(child);
        return "(" + name + ")";
    };
    auto flag = [&] { return std::string(system_flags[key.number].substr(1)); };
    switch (key.kind) {
    case Kind::all_of: return children("and");
    case Kind::either: return children("or");
    case Kind::negated: return children("not");
    case Kind::all: return "all";
    case Kind::flag: return flag();
    case Kind::no_flag: return "un" + flag();
    case Kind::keyword: return "keyword=" + key.text;
    case Kind::no_keyword: return "unkeyword=" + key.text;
    case Kind::recent: return "recent";
    case Kind::old: return "old";
    case Kind::fresh: return "new";
    case Kind::bcc: return "bcc=" + key.text;
    case Kind::cc: return "cc=" + key.text;
    case Kind::from: return "from=" + key.text;
    case Kind::to: return "to=" + key.text;
    case Kind::subject: return "subject=" + key.text;
    case Kind::header: return "header:" + key.field + "=" + key.text;
    case Kind::body: return "body=" + key.text;
    case Kind::text: return "text=" + key.text;
    case Kind::before: return "before=" + std::to_string(key.day);
    case Kind::on: return "on=" + std::to_string(key.day);
    case Kind::since: return "since=" + std::to_string(key.day);
    case Kind::sent_before: return "sentbefore=" + std::to_string(key.day);
    case Kind::sent_on: return "senton=" + std::to_string(key.day);
    case Kind::sent_since: return "sentsince=" + std::to_string(key.day);
    case Kind::larger: return "larger=" + std::to_string(key.number);
    case Kind::smaller: return "smaller=" + std::to_string(key.number);
    case Kind::uid: return "uid=" + describe(key.set);
    case Kind::sequence: return "seq=" + describe(key.set);
    }
    return "?";
}

inline std::string describe(const FetchItem& item) {
    constexpr std::string_view names[] = {"uid", "flags", "date", "size", "envelope", "body", "bodystructure",
                                          "rfc822", "rfc822.header", "rfc822.text", "section"};
    std::string out(names[static_cast<std::size_t>(item.kind)]);
    if (item.kind == FetchItem::Kind::section) out = (item.peek ? "peek[" : "[") + section_text(item.section) + "]";
    if (item.partial) out += fmt::format("<{}.{}>", item.partial->offset, item.partial->length);
    return out;
}

struct Describer {
    std::string status_items(const std::vector<StatusItem>& items) const {
        std::string out;
        for (StatusItem item : items) out += (out.empty() ? "" : " ") + std::string(status_item_names[static_cast<std::size_t>(item)]);
        return "(" + out + ")";
    }
    static std::string uid(bool is_uid) { return is_uid ? "uid " : ""; }

    std::string operator()(const Capability&) const { return "capability"; }
    std::string operator()(const Noop&) const { return "noop"; }
    std::string operator()(const Logout&) const { return "logout"; }
    std::string operator()(const Id& c) const {
        std::string out = "id";
        for (const auto& [key, value] : c.fields) out += " " + key + "=" + value.value_or("NIL");
        return out;
    }
    std::string operator()(const StartTls&) const { return "starttls"; }
    std::string operator()(const Login& c) const { return "login " + c.user + "|" + c.password; }
    std::string operator()(const Authenticate& c) const { return "authenticate " + c.mechanism + (c.initial_response ? " " + *c.initial_response : ""); }
    std::string operator()(const Enable& c) const {
        std::string out = "enable";
        for (const auto& name : c.capabilities) out += " " + name;
        return out;
    }
    std::string operator()(const Select& c) const { return (c.read_only ? "examine " : "select ") + c.mailbox; }
    std::string operator()(const Create& c) const { return "create " + c.mailbox + (c.special_use.empty() ? "" : " " + c.special_use[0]); }
    std::string operator()(const Delete& c) const { return "delete " + c.mailbox; }
    std::string operator()(const Rename& c) const { return "rename " + c.from + " to " + c.to; }
    std::string operator()(const Subscribe& c) const { return (c.subscribed ? "subscribe " : "unsubscribe ") + c.mailbox; }
    std::string operator()(const Status& c) const { return "status " + c.mailbox + " " + status_items(c.items); }
    std::string operator()(const List& c) const {
        std::string out = c.lsub ? "lsub" : "list";
        if (c.only_subscribed) out += " only-subscribed";
        if (c.only_special_use) out += " only-special-use";
        if (c.recursive_match) out += " recursive";
        out += " [" + c.reference + "]";
        for (const auto& pattern : c.patterns) out += " " + pattern;
        if (c.return_subscribed) out += " +subscribed";
        if (c.return_children) out += " +children";
        if (c.return_special_use) out += " +special-use";
        if (!c.return_status.empty()) out += " +status" + status_items(c.return_status);
        return out;
    }
    std::string operator()(const Namespace&) const { return "namespace"; }
    std::string operator()(const Append& c) const {
        return fmt::format("append {} {} {} {}{}", c.mailbox, describe(c.flags), c.internal_date.value_or(-1), c.size, c.synchronizing ? "" : "+");
    }
    std::string operator()(const Check&) const { return "check"; }
    std::string operator()(const Close&) const { return "close"; }
    std::string operator()(const Unselect&) const { return "unselect"; }
    std::string operator()(const Expunge& c) const { return c.uids ? "uid expunge " + describe(*c.uids) : "expunge"; }
    std::string operator()(const Search& c) const { return uid(c.uid) + "search " + (c.charset.empty() ? "" : c.charset + " ") + describe(c.key); }
    std::string operator()(const Fetch& c) const {
        std::string out = uid(c.uid) + "fetch " + describe(c.set);
        for (const auto& item : c.items) out += " " + describe(item);
        return out;
    }
    std::string operator()(const Store& c) const {
        constexpr std::string_view modes[] = {"+", "-", ""};
        return uid(c.uid) + "store " + describe(c.set) + " " + std::string(modes[static_cast<std::size_t>(c.mode)]) + (c.silent ? "silent" : "flags") + describe(c.flags);
    }
    std::string operator()(const Copy& c) const { return uid(c.uid) + (c.move ? "move " : "copy ") + describe(c.set) + " " + c.mailbox; }
    std::string operator()(const Idle&) const { return "idle"; }
};

inline std::string describe(const std::variant<Parsed, BadSyntax>& result) {
    if (const auto* bad = std::get_if<BadSyntax>(&result)) return bad->tag + " BAD " + bad->text;
    return std::visit(Describer(), std::get<Parsed>(result).command);
}

} // namespace postern::imap
