#include "imapd/session/fetch.h"

#include "imapd/session/message_text.h"
#include "imapd/session/reply.h"
#include "imapd/session/session.h"

#include <algorithm>

namespace postern::imapd {
namespace {

using Kind = imap::FetchItem::Kind;
using What = mail::Section::What;

// Messages a slice answers: by what one costs.
constexpr std::size_t index_batch = 2'000, text_batch = 250, body_batch = 100;
// A body up to this size goes out with the text around it, larger ones from their file piece by piece.
constexpr std::uint64_t inline_bytes = 32 * 1024, piece_bytes = 64 * 1024;

// RFC822 and its parts are BODY[] by other names (RFC 3501 section 6.4.5).
mail::Section section_of(const imap::FetchItem& item) {
    if (item.kind == Kind::rfc822_header) return {What::header, {}, {}};
    if (item.kind == Kind::rfc822_text) return {What::text, {}, {}};
    return item.section;
}

std::string name_of(const imap::FetchItem& item) {
    if (item.kind == Kind::rfc822) return "RFC822";
    if (item.kind == Kind::rfc822_header) return "RFC822.HEADER";
    if (item.kind == Kind::rfc822_text) return "RFC822.TEXT";
    std::string name = "BODY[" + mail::section_text(item.section) + "]";
    if (item.partial) name += "<" + std::to_string(item.partial->offset) + ">";
    return name;
}

// What every client asks for its list of messages: the index knows these fields.
bool is_cached_header(const imap::FetchItem& item) {
    return item.kind == Kind::section && item.section.part.empty() && item.section.what == What::header_fields &&
           std::all_of(item.section.fields.begin(), item.section.fields.end(), is_cached_field);
}
bool is_body(const imap::FetchItem& item) { return item.kind >= Kind::rfc822 && !is_cached_header(item); }
bool is_text(const imap::FetchItem& item) {
    return item.kind == Kind::envelope || item.kind == Kind::body || item.kind == Kind::body_structure ||
           is_cached_header(item);
}

} // namespace

FetchTask::FetchTask(View& view, const imap::Fetch& command, IndexRanges ranges) :
    view_(view), walk_(view, std::move(ranges)) {
    for (const imap::FetchItem& asked : command.items) {
        items_.push_back({asked, section_of(asked), name_of(asked), is_body(asked)});
        wants_texts_ |= is_text(asked);
        wants_body_ |= is_body(asked);
        wants_flags_ |= asked.kind == Kind::flags;
        sets_seen_ |= asked.sets_seen() && !view.read_only();
    }
}

Task::Progress FetchTask::step(std::string& out) {
    if (!pieces_.empty())
        if (const Progress progress = send_pieces(out); progress == Progress::failed || !pieces_.empty())
            return progress;
    if (batch_at_ == batch_.size()) next_batch();
    if (batch_.empty()) return Progress::done;
    if (batch_at_ == ready_) prepare();

    MessageFinder finder(view_.mailbox());
    for (; batch_at_ < ready_ && out.size() < high_water && pieces_.empty(); ++batch_at_) {
        const auto place = batch_[batch_at_];
        // Opening a file moves what the finder walks on.
        const bool opens = wants_texts_ || wants_body_;
        const store::Message* found = opens ? view_.mailbox().find(place.uid) : finder.find(place.uid);
        if (found) answer(out, place, store::Message(*found));
        else missing_ = true;
    }
    return pieces_.empty() ? Progress::more : send_pieces(out);
}

void FetchTask::next_batch() {
    const std::size_t count = wants_body_ ? body_batch : wants_texts_ ? text_batch : index_batch;
    batch_.clear();
    batch_at_ = ready_ = 0;
    for (MessageWalk::Place place; batch_.size() < count && walk_.next(place);) batch_.push_back(place);
}

// Does for the next messages what is cheaper for many at once.
void FetchTask::prepare() {
    ready_ = batch_.size();
    if (!wants_texts_ && !sets_seen_) return;
    std::vector<store::Uid> uids;
    for (std::size_t i = batch_at_; i < ready_; ++i) uids.push_back(batch_[i].uid);
    if (wants_texts_) {
        uids.resize(texts_.load(view_.mailbox(), uids));
        ready_ = batch_at_ + uids.size();
    }
    seen_now_.clear();
    if (sets_seen_) set_seen(uids);
}

// RFC 9051 section 6.4.5: fetching a body sets \Seen, and the answer says so.
void FetchTask::set_seen(const std::vector<store::Uid>& uids) {
    std::vector<store::Uid> unseen;
    for (const store::Uid uid : uids)
        if (const auto* message = view_.mailbox().find(uid); message && !message->has(store::flag::seen))
            unseen.push_back(uid);
    if (unseen.empty()) return;
    const store::ModSeq before = view_.mailbox().highest_modseq();
    const auto set = view_.mailbox().set_flags(unseen, {store::FlagChange::Mode::add, store::flag::seen, 0, {}});
    if (!set) return;                                            // reading goes on; the log has the detail
    view_.note_own_change(before, set->modseq);
    seen_now_ = set->changed;
}

void FetchTask::answer(std::string& out, MessageWalk::Place place, const store::Message& message) {
    const std::size_t start = out.size();
    if (wants_texts_ && !texts_.find(place.uid)) {
        missing_ = true;
        return;
    }
    out.append("* ");
    append_number(out, place.index + 1);
    out.append(" FETCH (");
    const std::size_t begin = out.size();
    auto separate = [&] {
        if (out.size() > begin) out.push_back(' ');
    };
    for (const Item& item : items_) {
        if (item.from_file) continue;
        separate();
        simple_item(out, item, message);
    }
    if (!wants_flags_ && std::binary_search(seen_now_.begin(), seen_now_.end(), place.uid)) {
        separate();
        simple_item(out, Item{{Kind::flags, false, {}, {}}, {}, {}, false}, message);
    }
    if (wants_body_) {
        separate();
        if (!body_items(out, place.uid)) {
            missing_ = true;
            out.resize(start);
            return;
        }
    }
    tail(out).append(")\r\n");
}

void FetchTask::simple_item(std::string& out, const Item& item, const store::Message& message) {
    switch (item.asked.kind) {
    case Kind::uid:
        out.append("UID ");
        return append_number(out, message.uid);
    case Kind::flags:
        out.append("FLAGS (");
        append_flags(out, message, view_.mailbox().keywords(), view_.is_recent(message.uid));
        return out.push_back(')');
    case Kind::internal_date:
        out.append("INTERNALDATE ");
        return append_internal_date(out, message.internal_date);
    case Kind::rfc822_size:
        out.append("RFC822.SIZE ");
        return append_number(out, message.size);
    case Kind::envelope: out.append("ENVELOPE ").append(texts_.find(message.uid)->envelope); return;
    case Kind::body: out.append("BODY ").append(texts_.find(message.uid)->body); return;
    case Kind::body_structure: out.append("BODYSTRUCTURE ").append(texts_.find(message.uid)->body_structure); return;
    default: return header_fields_item(out, item, message.uid);
    }
}

void FetchTask::header_fields_item(std::string& out, const Item& item, store::Uid uid) {
    std::string from_file;
    std::string_view header = texts_.find(uid)->header;
    if (header.empty()) {                                        // too long for the index
        if (const auto body = view_.mailbox().open_body(uid)) from_file = read_header(*body);
        header = from_file;
    }
    out.append(item.name).push_back(' ');
    text_literal(out, item, mail::select_fields(header, item.section.fields, false));
}

// What is asked decides how much is read: the whole body goes from file to client unseen, a header is read as far
// as it goes, only parts need all of the message, and only until their places are known.
bool FetchTask::body_items(std::string& out, store::Uid uid) {
    auto body = view_.mailbox().open_body(uid);
    if (!body) return false;
    file_ = std::move(*body);
    bool needs_header = false, needs_message = false;
    for (const Item& item : items_) {
        if (!item.from_file || item.section == mail::Section{}) continue;
        (item.section.header_only() ? needs_header : needs_message) = true;
    }
    const std::string bytes = needs_message ? read_whole(file_) : needs_header ? read_header(file_) : std::string();
    const mail::Structure structure = mail::parse_structure(bytes);
    bool first = true;
    for (const Item& item : items_) {
        if (!item.from_file) continue;
        if (!first) tail(out).push_back(' ');
        first = false;
        tail(out).append(item.name).push_back(' ');
        if (item.section == mail::Section{}) file_literal(out, item, 0, file_.size);
        else section_item(out, item, structure);
    }
    return true;
}

void FetchTask::section_item(std::string& out, const Item& item, const mail::Structure& structure) {
    const auto found = mail::resolve_section(structure, item.section);
    if (!found) {
        tail(out).append("NIL");
    } else if (found->owned.empty() && !found->view.empty()) {
        file_literal(out, item, static_cast<std::uint64_t>(found->view.data() - structure.message.data()),
                     found->view.size());
    } else {
        text_literal(tail(out), item, found->bytes());
    }
}

void FetchTask::text_literal(std::string& out, const Item& item, std::string_view bytes) {
    if (const auto& partial = item.asked.partial)
        bytes = bytes.substr(std::min<std::uint64_t>(partial->offset, bytes.size()), partial->length);
    out.append("{");
    append_number(out, bytes.size());
    out.append("}\r\n").append(bytes);
}

void FetchTask::file_literal(std::string& out, const Item& item, std::uint64_t offset, std::uint64_t length) {
    if (const auto& partial = item.asked.partial) {
        const std::uint64_t skipped = std::min(partial->offset, length);
        offset += skipped;
        length = std::min(length - skipped, partial->length);
    }
    tail(out).append("{");
    append_number(tail(out), length);
    tail(out).append("}\r\n");
    if (length <= inline_bytes) {
        const std::string bytes = read_range(file_.file, offset, length);
        if (bytes.size() == length) {
            tail(out).append(bytes);
            return;
        }
    }
    pieces_.push_back({{}, offset, length});
    pieces_.push_back({});
}

Task::Progress FetchTask::send_pieces(std::string& out) {
    while (!pieces_.empty() && out.size() < high_water) {
        Piece& piece = pieces_.front();
        if (piece.length == 0) {
            out.append(piece.text);
            pieces_.pop_front();
            continue;
        }
        const std::string bytes = read_range(file_.file, piece.offset, std::min(piece.length, piece_bytes));
        if (bytes.empty()) return Progress::failed;              // the file is shorter than the literal we announced
        out.append(bytes);
        piece.offset += bytes.size();
        piece.length -= bytes.size();
    }
    return Progress::more;
}

void Session::handle(const imap::Fetch& command) {
    auto ranges = resolve(command.set, command.uid);
    if (!ranges) return;
    start(std::make_unique<FetchTask>(*view_, command, std::move(*ranges)));
}

} // namespace postern::imapd
