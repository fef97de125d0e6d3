#include "imapd/session/search.h"

#include "imapd/session/message_text.h"
#include "imapd/session/reply.h"
#include "imapd/session/session.h"
#include "libcommon/text.h"
#include "libmail/date.h"
#include "libmail/headers.h"

#include <algorithm>

namespace postern::imapd {
namespace {

using Kind = imap::SearchKey::Kind;
using Cost = SearchNode::Cost;

constexpr std::size_t index_batch = 5'000, header_batch = 64, file_batch = 8;

struct FieldName { Kind kind; std::string_view name; };
constexpr FieldName field_names[] = {
    {Kind::bcc, "Bcc"}, {Kind::cc, "Cc"}, {Kind::from, "From"}, {Kind::to, "To"}, {Kind::subject, "Subject"}};

std::string_view field_name(Kind kind) {
    const auto found = std::find_if(std::begin(field_names), std::end(field_names),
                                    [&](const FieldName& f) { return f.kind == kind; });
    return found == std::end(field_names) ? std::string_view() : found->name;
}

Cost cost_of(const imap::SearchKey& key) {
    switch (key.kind) {
    case Kind::body:
    case Kind::text: return Cost::file;
    case Kind::header: return is_cached_field(key.field) ? Cost::header : Cost::file;
    case Kind::sent_before:
    case Kind::sent_on:
    case Kind::sent_since: return Cost::header;
    default: return field_name(key.kind).empty() ? Cost::index : Cost::header;
    }
}

bool by_cost(const SearchNode& a, const SearchNode& b) { return a.cost < b.cost; }

bool compare_day(Kind kind, std::int64_t day, std::int64_t wanted) {
    if (kind == Kind::before || kind == Kind::sent_before) return day < wanted;
    if (kind == Kind::on || kind == Kind::sent_on) return day == wanted;
    return day >= wanted;
}

bool contains(const IndexRanges& ranges, std::size_t index) {
    const auto after = std::upper_bound(ranges.begin(), ranges.end(), index,
                                        [](std::size_t i, const IndexRange& r) { return i < r.begin; });
    return after != ranges.begin() && index < std::prev(after)->end;
}

} // namespace

Result<SearchNode> compile_search(const imap::SearchKey& key, std::string_view charset, const View& view,
                                  mail::Charsets& charsets) {
    const auto text = charsets.to_utf8(charset, key.text);
    if (!text) return Error(Errc::unsupported, "charset");
    SearchNode node;
    node.kind = key.kind;
    node.cost = cost_of(key);
    node.text = mail::TextMatcher(*text);
    node.field = key.kind == Kind::header ? key.field : std::string(field_name(key.kind));
    node.number = key.number;
    node.day = key.day;
    if (key.kind == Kind::keyword || key.kind == Kind::no_keyword) {
        if (const auto number = view.mailbox().find_keyword(key.text)) node.keyword = store::Keywords{1} << *number;
    } else if (key.kind == Kind::uid || key.kind == Kind::sequence) {
        auto ranges = view.resolve(key.set, key.kind == Kind::uid);
        if (!ranges) return Error(Errc::invalid, "No such message");
        node.ranges = std::move(*ranges);
    }
    for (const imap::SearchKey& child : key.children) {
        auto compiled = compile_search(child, charset, view, charsets);
        if (!compiled) return compiled.error();
        node.cost = std::max(node.cost, compiled->cost);
        node.children.push_back(std::move(*compiled));
    }
    std::stable_sort(node.children.begin(), node.children.end(), by_cost);
    return node;
}

// A message being asked about, and what of it had to be read so far.
struct SearchTask::Candidate {
    std::size_t index;
    store::Message message;
    std::optional<std::string> file{};

    std::string_view bytes(store::Mailbox& mailbox) {
        if (!file) {
            const auto body = mailbox.open_body(message.uid);
            file = body ? read_whole(*body) : std::string();
        }
        return *file;
    }
};

SearchTask::SearchTask(View& view, mail::Charsets& charsets, SearchNode program, bool uid) :
    view_(view), charsets_(charsets), program_(std::move(program)), uid_(uid),
    walk_(view, view.all()) {}

std::size_t SearchTask::batch_size() const {
    return program_.cost == Cost::index ? index_batch : program_.cost == Cost::header ? header_batch : file_batch;
}

// First what the index knows, for the whole batch; the rest only for those still in question.
Task::Progress SearchTask::step(std::string& out) {
    const auto first_costly = std::find_if(program_.children.begin(), program_.children.end(),
                                           [](const SearchNode& n) { return n.cost != Cost::index; });
    std::vector<Candidate> candidates;
    MessageFinder finder(view_.mailbox());
    MessageWalk::Place place;
    std::size_t looked_at = 0;
    while (looked_at < index_batch && candidates.size() < batch_size() && walk_.next(place)) {
        ++looked_at;
        const store::Message* message = finder.find(place.uid);
        if (!message) continue;
        Candidate candidate{place.index, *message};
        if (std::all_of(program_.children.begin(), first_costly,
                        [&](const SearchNode& n) { return matches(n, candidate); }))
            candidates.push_back(std::move(candidate));
    }
    std::vector<store::Uid> uids;
    for (const Candidate& candidate : candidates) uids.push_back(candidate.message.uid);
    for (std::size_t begin = 0, end = 0; begin < candidates.size(); begin = end) {
        end = candidates.size();
        if (first_costly != program_.children.end())
            end = begin + texts_.load(view_.mailbox(), std::span(uids).subspan(begin));
        for (Candidate& candidate : std::span(candidates).subspan(begin, end - begin))
            if (std::all_of(first_costly, program_.children.end(),
                            [&](const SearchNode& n) { return matches(n, candidate); }))
                found_.push_back(uid_ ? candidate.message.uid : static_cast<std::uint32_t>(candidate.index + 1));
    }
    if (!walk_.at_end()) return Progress::more;

    out.append("* SEARCH");
    for (const std::uint32_t number : found_) {
        out.push_back(' ');
        append_number(out, number);
    }
    out.append("\r\n");
    return Progress::done;
}

bool SearchTask::matches(const SearchNode& node, Candidate& c) {
    const auto child = [&](const SearchNode& n) { return matches(n, c); };
    const store::Message& m = c.message;
    const auto bit = static_cast<store::Flags>(1U << (node.number & 7));
    switch (node.kind) {
    case Kind::all_of: return std::all_of(node.children.begin(), node.children.end(), child);
    case Kind::either: return std::any_of(node.children.begin(), node.children.end(), child);
    case Kind::negated: return !child(node.children.front());
    case Kind::all: return true;
    case Kind::flag: return m.has(bit);
    case Kind::no_flag: return !m.has(bit);
    case Kind::keyword: return (m.keywords & node.keyword) != 0;
    case Kind::no_keyword: return (m.keywords & node.keyword) == 0;
    case Kind::recent: return view_.is_recent(m.uid);
    case Kind::old: return !view_.is_recent(m.uid);
    case Kind::fresh: return view_.is_recent(m.uid) && !m.has(store::flag::seen);
    case Kind::bcc:
    case Kind::cc:
    case Kind::from:
    case Kind::to:
    case Kind::subject:
    case Kind::header: return matches_field(node.field, node.text, c);
    case Kind::body:
    case Kind::text:
        return node.text.in_message(mail::parse_structure(c.bytes(view_.mailbox())), node.kind == Kind::text,
                                    charsets_);
    case Kind::before:
    case Kind::on:
    case Kind::since: return compare_day(node.kind, mail::DateTime{m.internal_date, 0}.written_day(), node.day);
    case Kind::sent_before:
    case Kind::sent_on:
    case Kind::sent_since: return matches_sent_date(node, c);
    case Kind::larger: return m.size > node.number;
    case Kind::smaller: return m.size < node.number;
    case Kind::uid:
    case Kind::sequence: return contains(node.ranges, c.index);
    }
    return false;
}

// Any field of that name; an empty text asks whether there is one.
bool SearchTask::matches_field(std::string_view name, const mail::TextMatcher& text, Candidate& c) {
    const store::Cached* texts = texts_.find(c.message.uid);
    const bool cached = is_cached_field(name) && texts && !texts->header.empty();
    mail::HeaderScanner scanner(cached ? std::string_view(texts->header) : c.bytes(view_.mailbox()));
    while (const auto field = scanner.next())
        if (iequals(field->name, name) && text.in_header(field->body, charsets_)) return true;
    return false;
}

// The date as written, its time and zone disregarded (RFC 3501 section 6.4.4).
bool SearchTask::matches_sent_date(const SearchNode& node, Candidate& c) {
    const store::Cached* texts = texts_.find(c.message.uid);
    const bool cached = texts && !texts->header.empty();
    const auto field = mail::find_field(cached ? std::string_view(texts->header) : c.bytes(view_.mailbox()), "Date");
    const auto date = field ? mail::parse_date(field->body) : std::nullopt;
    return date && compare_day(node.kind, date->written_day(), node.day);
}

void Session::handle(const imap::Search& command) {
    auto program = compile_search(command.key, command.charset, *view_, environment_.charsets);
    if (!program) {
        if (program.error().code() == Errc::unsupported) return no("BADCHARSET (US-ASCII UTF-8)", "Unknown charset");
        return bad(program.error().message());
    }
    start(std::make_unique<SearchTask>(*view_, environment_.charsets, std::move(*program), command.uid));
}

} // namespace postern::imapd
