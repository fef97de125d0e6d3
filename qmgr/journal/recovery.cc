#include "qmgr/journal/recovery.h"

#include "qmgr/journal/kept_file.h"
#include "qmgr/journal/large_files.h"

#include <algorithm>
#include <charconv>
#include <fmt/core.h>

namespace postern::qmgr {
namespace {

std::uint32_t number_of(const std::string& name) {
    std::uint32_t number = 0;
    std::from_chars(name.data(), name.data() + name.size(), number);
    return number;
}

std::uint32_t new_id_salt() {
    std::uint32_t salt = 0;
    random_bytes(&salt, sizeof salt);
    return salt;
}

using Segments = std::vector<std::shared_ptr<Segment>>;

Result<Segments> open_segments(Sys& sys, const Folders& folders, Survey& found) {
    auto names = list_dir(sys, folders.journal.get());
    if (!names) return names.error();
    std::sort(names->begin(), names->end());
    Segments segments;
    for (const std::string& name : *names) {
        if (!Segment::is_name(name)) {
            if (name.starts_with(".")) sys.unlink(folders.journal.get(), name);   // a draft that was being zeroed
            continue;
        }
        found.next_file = std::max(found.next_file, number_of(name) + 1);
        auto segment = Segment::open(sys, folders.journal.get(), name);
        if (segment) segments.push_back(std::move(*segment));
        else if (segment.error().code() == Errc::corrupt) found.problems.push_back(segment.error().message());
        else return segment.error();
    }
    std::stable_sort(segments.begin(), segments.end(),
                     [](const auto& a, const auto& b) { return a->generation() < b->generation(); });
    return segments;
}

// An unreadable header was either being reused when the power went (then nothing in its file was live) or was
// damaged later. In the second case a generation is missing that is not at the old end of the live ones.
void judge_unreadable(Sys& sys, const Folders& folders, const Segments& segments, Survey& found) {
    std::uint64_t missing = 0;
    if (!found.live.empty()) {
        const std::uint64_t first = found.live.begin()->first, last = found.live.rbegin()->first;
        missing = last - first + 1 - found.live.size();
    }
    for (const auto& segment : segments) {
        if (!segment->unreadable()) continue;
        found.id_salt = new_id_salt();   // it may have been the newest: its ids must not be given out again
        if (missing == 0) {
            found.spare.push_back(segment);
            continue;
        }
        found.problems.push_back("journal segment " + segment->name() + " has no readable header");
        sys.rename(folders.journal.get(), segment->name(), folders.corrupt.get(), "journal-" + segment->name());
    }
}

// The newest segment's end, and the account there: what its last batch says, or the header where there is none.
void read_newest(const Segment& newest, Survey& found) {
    found.totals = newest.header().totals;
    found.ends[newest.generation()] =
        scan_segment(newest.read_front(newest.bytes()), newest.header(), std::nullopt,
                     {[](std::uint64_t, const Frame&) {}, [](ByteRange) {}, [&](const Totals& behind) { found.totals = behind; }});
}

void sort_out(Sys& sys, const Folders& folders, const Segments& segments, Survey& found) {
    const Segment* newest = nullptr;
    for (const auto& segment : segments)
        if (segment->used()) newest = segment.get();
    if (newest) {
        found.next_generation = newest->generation() + 1;
        found.oldest_live = newest->header().oldest_live;
        found.id_salt = newest->header().id_salt;
        for (const SegmentEnd& end : newest->header().ends) found.ends[end.generation] = end.at;
    } else {
        found.id_salt = new_id_salt();
    }
    for (const auto& segment : segments) {
        if (segment->used() && segment->generation() >= found.oldest_live) found.live[segment->generation()] = segment;
        else if (!segment->unreadable()) found.spare.push_back(segment);
    }
    judge_unreadable(sys, folders, segments, found);
    for (const auto& [generation, segment] : found.live) {
        if (auto flushed = segment->flush(); flushed) continue;
        found.suspect.insert(generation);
        found.problems.push_back("journal segment " + segment->name() + " cannot be flushed");
    }
    if (newest) read_newest(*newest, found);
}

// Collects the state of every message while records pass by in order.
class Replay {
  public:
    Replay(Sys& sys, const Folders& folders, const Survey& found) : sys_(sys), folders_(folders), found_(found) {}

    void kept(Base base, int folder, const std::vector<std::string>& names);
    void segment(const Segment& segment);
    Recovered finish();

  private:
    struct At {
        std::uint64_t generation, offset;
        std::uint32_t id_salt, length;
    };
    void apply(Accepted&& message, const At& at);
    void apply(Changed&& change, const At& at);
    void apply(Finished&& finished, const At& at);
    void apply(Kept&&, const At&) {}      // only in files
    bool add(const QueueId& id, Accepted&& message, Base base, std::uint32_t length);
    void update(const QueueId& id, const RecipientRecord& recipient, std::uint64_t generation);
    void end(const QueueId& id, std::uint64_t generation);
    void damaged(const Segment& segment, std::string_view bytes, ByteRange range);

    Sys& sys_;
    const Folders& folders_;
    const Survey& found_;
    std::map<QueueId, RecoveredMessage> messages_;
    Recovered result_;
};

bool Replay::add(const QueueId& id, Accepted&& message, Base base, std::uint32_t length) {
    const auto [at, fresh] = messages_.try_emplace(id);
    if (!fresh) return false;             // copied out, and its segment not released yet
    RecoveredMessage& m = at->second;
    m.id = id;
    m.base = base;
    m.length = length;
    m.size = message.large ? message.large->size : message.body.value.size();
    m.recipients.resize(message.envelope.recipients.size());
    for (std::uint32_t i = 0; i < m.recipients.size(); ++i) m.recipients[i].index = i;
    m.message = std::move(message);
    m.message.forget_content();
    return true;
}

void Replay::update(const QueueId& id, const RecipientRecord& recipient, std::uint64_t generation) {
    const auto found = messages_.find(id);
    if (found == messages_.end() || recipient.index >= found->second.recipients.size()) return;
    found->second.recipients[recipient.index] = recipient;
    if (generation != 0 && found->second.oldest_change == 0) found->second.oldest_change = generation;
}

void Replay::end(const QueueId& id, std::uint64_t generation) {
    const auto found = messages_.find(id);
    if (found == messages_.end()) return;
    if (found->second.base != Base::journal) result_.leftovers.push_back({id, found->second.base, generation});
    messages_.erase(found);
}

void Replay::apply(Accepted&& message, const At& at) {
    if (message.parent)
        for (const RecipientRecord& recipient : message.parent->recipients) update(message.parent->id, recipient, at.generation);
    add({at.id_salt, at.generation, static_cast<std::uint32_t>(at.offset)}, std::move(message), Base::journal, at.length);
}

void Replay::apply(Changed&& change, const At& at) {
    for (const RecipientRecord& recipient : change.recipients) update(change.id, recipient, at.generation);
}

void Replay::apply(Finished&& finished, const At& at) {
    for (const FinishedMessage& message : finished.messages) end(message.id, at.generation);
}

void Replay::damaged(const Segment& segment, std::string_view bytes, ByteRange range) {
    const std::string name = fmt::format("{}-{}-{}", segment.generation(), range.from, range.to);
    const auto saved = set_aside(sys_, folders_, name, bytes.substr(range.from, range.to - range.from));
    result_.problems.push_back("damaged journal range " + name + (saved ? "" : ", not set aside: " + saved.error().message()));
}

void Replay::segment(const Segment& segment) {
    std::optional<std::uint64_t> end;
    if (const auto known = found_.ends.find(segment.generation()); known != found_.ends.end()) end = known->second;
    const std::string bytes = segment.read_front(end.value_or(segment.bytes()));
    SegmentVisitor visitor;
    visitor.damaged = [&](ByteRange range) { damaged(segment, bytes, range); };
    visitor.record = [&](std::uint64_t offset, const Frame& frame) {
        auto record = decode_record(frame);
        if (!record) return damaged(segment, bytes, {offset, offset + frame.size});
        const At at{segment.generation(), offset, segment.header().id_salt, static_cast<std::uint32_t>(frame.size)};
        std::visit([&](auto& body) { apply(std::move(body), at); }, *record);
    };
    scan_segment(bytes, segment.header(), end, visitor);
}

void Replay::kept(Base base, int folder, const std::vector<std::string>& names) {
    for (const std::string& name : names) {
        if (name.starts_with(".")) {      // a copy that was being written: its message is still in the journal
            sys_.unlink(folder, name);
            continue;
        }
        auto file = read_kept(sys_, folder, name);
        // A disk that stumbles is not damage: only what stays unreadable is set aside.
        for (int more = 2; !file && file.error().code() != Errc::corrupt && more > 0; --more)
            file = read_kept(sys_, folder, name);
        if (!file) {
            result_.problems.push_back("kept message " + name + ": " + file.error().message());
            sys_.rename(folder, name, folders_.corrupt.get(), name);
            continue;
        }
        if (!add(file->id, std::move(file->message), base, 0)) {   // in both folders: one is enough
            result_.problems.push_back("kept twice " + name);
            sys_.rename(folder, name, folders_.corrupt.get(), name);
            continue;
        }
        for (const RecipientRecord& recipient : file->recipients) update(file->id, recipient, 0);
    }
}

Recovered Replay::finish() {
    LargeFiles large(sys_, folders_.large.get());
    result_.unaccounted = found_.totals.waiting();
    std::set<std::uint64_t> referenced;
    for (auto& [id, m] : messages_) {
        if (m.message.large) {
            referenced.insert(m.message.large->name);
            if (!large.is_there(*m.message.large)) result_.problems.push_back("large body missing, message " + id.text());
        }
        for (RecipientRecord& recipient : m.recipients) {
            if (recipient.outcome != Outcome::waiting) continue;
            if (m.base == Base::hold && !is_decided(recipient.state)) recipient.state = ipc::RecipientState::held;
            --result_.unaccounted;
        }
        result_.messages.push_back(std::move(m));
    }
    for (const std::string& name : found_.large) {
        const auto number = LargeFiles::parse_name(name);
        if (number && !referenced.contains(*number)) result_.orphans.push_back(*number);
    }
    return std::move(result_);
}

} // namespace

Result<Survey> survey(Sys& sys, const Folders& folders) {
    Survey found;
    // Names made and removed by a process that was killed may be in memory only: what is built on them below must
    // not outlive them.
    for (const Fd* folder : {&folders.journal, &folders.deferred, &folders.hold, &folders.large})
        if (auto synced = sync_file(sys, folder->get(), "spool folder"); !synced) return synced.error();
    auto segments = open_segments(sys, folders, found);
    if (!segments) return segments.error();
    sort_out(sys, folders, *segments, found);
    const std::pair<const Fd&, std::vector<std::string>&> lists[] = {
        {folders.deferred, found.deferred}, {folders.hold, found.hold}, {folders.large, found.large}};
    for (const auto& [folder, names] : lists) {
        auto listed = list_dir(sys, folder.get());
        if (!listed) return listed.error();
        names = std::move(*listed);
    }
    return found;
}

Recovered replay(Sys& sys, const Folders& folders, const Survey& found) {
    Replay replay(sys, folders, found);
    replay.kept(Base::hold, folders.hold.get(), found.hold);       // before deferred/: set aside wins
    replay.kept(Base::deferred, folders.deferred.get(), found.deferred);
    for (const auto& [generation, segment] : found.live) replay.segment(*segment);
    return replay.finish();
}

} // namespace postern::qmgr
