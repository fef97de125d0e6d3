// How segments come back: released when nothing in them counts, oldest first (rule 3); relieved of what outlives
// them by copies in deferred/ and by state records copied forward; made ahead when none is in reserve.
#include "qmgr/journal/kept_file.h"
#include "qmgr/journal/spool.h"

#include <fmt/core.h>

namespace postern::qmgr {
namespace {
constexpr std::size_t copies_at_once = 64;      // between two flushes of deferred/
} // namespace

void Spool::opened(std::shared_ptr<Segment> segment) {
    const SegmentHeader& header = segment->header();
    live_[header.generation].segment = segment;
    writer_refusal_.clear();
    rolling_ = false;
    drop_retired(header.oldest_live);
    release();
    relieve();
}

void Spool::release() {
    if (!recovered_) return;
    while (live_.size() > 1) {
        const auto oldest = live_.begin();
        const Live& live = oldest->second;
        if (!live.messages.empty() || live.changes != 0 || live.pins != 0) break;
        auto segment = live.segment;
        const bool reusable = !live.failed && segment->bytes() == options_.segment_bytes;
        const std::uint64_t generation = oldest->first;
        live_.erase(oldest);
        // The next header says so before the file is used again, or unlinked.
        writer_->set_oldest_live(live_.begin()->first);
        if (reusable && writer_->spares() < options_.spare_segments) writer_->offer(std::move(segment));
        else retired_.push_back({generation, segment->name()});
    }
    // After a storm of restarts many files wait for a header that lets them go; on a quiet host none may come soon.
    if (rolling_ || retired_.size() <= options_.live_segments) return;
    rolling_ = true;
    writer_->roll();
}

void Spool::drop_retired(std::uint64_t oldest_live) {
    std::vector<std::string> names;
    std::erase_if(retired_, [&](const Retired& retired) {
        if (retired.generation >= oldest_live) return false;
        names.push_back(retired.name);
        return true;
    });
    if (names.empty()) return;
    keeper_.submit([this, names = std::move(names)] {
        for (const std::string& name : names) sys_.unlink(folders_.journal.get(), name);
    });
}

Result<std::shared_ptr<Segment>> Spool::make_segment() {
    return Segment::create(sys_, folders_.journal.get(), fmt::format("{:08}.log", next_file_++), options_.segment_bytes);
}

void Spool::prepare_segment() {
    if (preparing_ || writer_->spares() > 0) return;
    preparing_ = true;
    keeper_.submit([this] {
        auto made = std::make_shared<Result<std::shared_ptr<Segment>>>(make_segment());
        hooks_.post([this, made] {
            preparing_ = false;
            if (*made) writer_->offer(std::move(**made));
            else report("queue.segment.unprepared", made->error().message());
        });
    });
}

void Spool::relieve() {
    if (!recovered_) return;
    const std::size_t excess = live_.size() > options_.live_segments ? live_.size() - options_.live_segments : 0;
    std::vector<std::uint64_t> generations;
    for (const auto& [generation, live] : live_) {
        if (generation == live_.rbegin()->first) break;         // still written to, or about to be replaced
        if (live.failed || generations.size() < excess) generations.push_back(generation);
    }
    for (const std::uint64_t generation : generations) evacuate(generation);
}

// Copies the next messages of a segment out; copied() comes back for more.
void Spool::evacuate(std::uint64_t generation) {
    Live& live = live_[generation];
    if (live.evacuating) return;
    std::vector<Copy> batch;
    for (auto& [offset, message] : live.messages) {
        if (batch.size() == copies_at_once) break;
        if (message.moving || message.damaged) continue;
        message.moving = message.in_deferred = true;
        const QueueId id{live.segment->header().id_salt, generation, offset};
        batch.push_back({id, message.length, hooks_.snapshot(id), {}});
    }
    if (batch.empty()) return forward_changes(generation);
    live.evacuating = true;
    keeper_.submit([this, generation, segment = live.segment, batch = std::move(batch)]() mutable {
        copy_out(*segment, batch);
        hooks_.post([this, generation, batch = std::move(batch)]() mutable { copied(generation, std::move(batch)); });
    });
}

Result<Kept> Spool::read_for_copy(const Segment& segment, const QueueId& id, std::uint32_t length, RecipientRecords state) {
    Stub stub;
    stub.length = length;
    auto message = read_base(&segment, id, stub);
    if (!message) return message.error();
    return Kept{id, std::move(*message), std::move(state), {}};
}

void Spool::copy_out(const Segment& segment, std::vector<Copy>& batch) {
    for (Copy& copy : batch) {
        auto kept = read_for_copy(segment, copy.id, copy.length, std::move(copy.recipients));
        copy.result = kept ? write_kept(sys_, folders_.deferred.get(), std::move(*kept)) : Result<void>(kept.error());
    }
    const auto synced = sync_file(sys_, folders_.deferred.get(), "deferred");
    for (Copy& copy : batch)
        if (copy.result) copy.result = synced;
}

void Spool::copied(std::uint64_t generation, std::vector<Copy> batch) {
    Live& live = live_[generation];
    live.evacuating = false;
    bool failed = false;
    for (Copy& copy : batch) {
        const auto found = live.messages.find(copy.id.offset);
        found->second.moving = false;
        if (copy.result) {
            Stub message = found->second;
            message.base = Base::deferred;
            live.messages.erase(found);
            kept_[copy.id] = message;
        }
        if (stub(copy.id)->ended_in != 0) resume_drop(copy.id);
        else if (!copy.result && copy.result.error().code() == Errc::corrupt) lost(copy.id, copy.result.error().message());
        else if (!copy.result) {
            failed = true;
            report("queue.copy.failed", copy.result.error().message());
        }
    }
    release();
    if (!failed) relieve();            // after a failure tick() goes on
}

void Spool::forward_changes(std::uint64_t generation) {
    if (live_[generation].changes == 0) return;
    for (auto& [id, message] : kept_) {
        if (message.oldest_change != generation || message.moving) continue;
        message.moving = true;
        writer_->submit(Changed{id, true, hooks_.snapshot(id), {}}, [this, id = id](Result<Writer::Written> place, JournalRecord&&) {
            Stub* copied = stub(id);
            if (!copied) return;
            copied->moving = false;
            if (copied->ended_in != 0) return resume_drop(id);
            if (!place) return;
            forget_change(*copied);
            note_change(id, place->generation);
            release();
        });
    }
}

void Spool::tick() {
    std::uint64_t free = 0;
    refusal_ = writer_refusal_;
    if (sys_.free_bytes(folders_.root.get(), free) == 0) {
        const std::uint64_t needed = live_.size() * options_.segment_bytes + options_.reserve;
        if (refusal_.empty() && free < needed)
            refusal_ = fmt::format("{} MiB free in the spool, {} MiB needed", free >> 20, needed >> 20);
    }
    if (!writer_refusal_.empty()) writer_->reopen();
    if (writer_->spares() == 0) prepare_segment();
    if (recovered_ && ticks_left_to_adopt_ > 0 && --ticks_left_to_adopt_ == 0)
        for (const std::uint64_t name : std::exchange(unsubmitted_, {})) remove_large(name);
    for (const Leftover& file : std::exchange(unremoved_, {})) {
        pin(file.finished_in, -1);
        remove_kept(file);
    }
    relieve();
}

} // namespace postern::qmgr
