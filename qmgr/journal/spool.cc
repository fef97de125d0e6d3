#include "qmgr/journal/spool.h"

#include "qmgr/journal/kept_file.h"

#include <fcntl.h>
#include <fmt/core.h>

namespace postern::qmgr {
namespace {

Result<Accepted> accepted_in(std::string_view bytes) {
    const auto frame = read_frame(bytes);
    if (!frame) return frame.error();
    auto record = decode_record(*frame);
    auto* message = record ? std::get_if<Accepted>(&record.value()) : nullptr;
    if (!message) return Error(Errc::corrupt, "no message at that place");
    return std::move(*message);
}

} // namespace

Spool::Spool(Sys& sys, Folders folders, Options options, Hooks hooks) :
    sys_(sys), folders_(std::move(folders)), options_(options), hooks_(std::move(hooks)),
    large_(sys, folders_.large.get()) {}

Spool::~Spool() {
    bodies_.stop();
    keeper_.stop();
    writer_->stop();
}

Result<std::unique_ptr<Spool>> Spool::open(Sys& sys, int root, Options options, Hooks hooks) {
    auto folders = Folders::open(sys, root);
    if (!folders) return folders.error();
    auto found = survey(sys, *folders);
    if (!found) return found.error();
    std::unique_ptr<Spool> spool(new Spool(sys, std::move(*folders), options, std::move(hooks)));
    spool->start(std::move(*found));
    return spool;
}

void Spool::start(Survey found) {
    for (const std::string& problem : found.problems) report("queue.damage", problem);
    totals_ = found.totals;
    load_orders();
    next_file_ = found.next_file;
    Writer::Options writer;
    writer.next_generation = found.next_generation;
    writer.id_salt = found.id_salt;
    writer.oldest_live = found.live.empty() ? found.next_generation : found.live.begin()->first;
    writer.totals = found.totals;
    for (const auto& [generation, at] : found.ends) writer.ends.push_back({generation, at});
    writer_ = std::make_unique<Writer>(std::move(writer), writer_events(), [this] { return make_segment(); });
    for (const auto& [generation, segment] : found.live) {
        live_[generation].segment = segment;
        live_[generation].failed = found.suspect.contains(generation);
    }
    for (auto& segment : found.spare) {
        if (segment->bytes() == options_.segment_bytes && writer_->spares() < options_.spare_segments)
            writer_->offer(std::move(segment));
        else retired_.push_back({0, segment->name()});
    }
    // Rule 5: intake opens on a segment of its own before anything was read; a refusal is told like any other.
    if (auto opened = writer_->open_segment(); !opened) writer_refusal_ = opened.error().message();
    tick();
    keeper_.submit([this, survey = std::move(found)] {
        auto result = std::make_shared<Recovered>(replay(sys_, folders_, survey));
        hooks_.post([this, result] { install(std::move(*result)); });
    });
    if (!options_.threads) return;
    writer_->start();
    keeper_.start();
    bodies_.start();
}

// Without them mail goes on: an operator is told, and finds what was there.
void Spool::load_orders() {
    auto found = read_orders(sys_, folders_.root.get());
    if (found) {
        orders_ = std::move(*found);
        return;
    }
    report("queue.orders.damaged", found.error().message());
    sys_.rename(folders_.root.get(), "orders", folders_.corrupt.get(), "orders");
}

void Spool::keep(Orders orders, std::function<void(Result<void>)> done) {
    keeper_.submit([this, orders = std::move(orders), done = std::move(done)] {
        const auto result = write_orders(sys_, folders_.root.get(), orders);
        hooks_.post([result, done] { done(result); });
    });
}

void Spool::install(Recovered recovered) {
    for (const std::string& problem : recovered.problems) report("queue.damage", problem);
    for (const RecoveredMessage& m : recovered.messages) {
        Stub stub;
        stub.length = m.length;
        stub.base = m.base;
        stub.in_deferred = m.base == Base::deferred;
        stub.in_hold = m.base == Base::hold;
        if (m.message.large) stub.large = m.message.large->name;
        if (m.base == Base::journal) live_[m.id.generation].messages[m.id.offset] = stub;
        else kept_[m.id] = stub;
        if (m.oldest_change != 0) note_change(m.id, m.oldest_change);
    }
    if (recovered.unaccounted != 0) record_unaccounted(recovered.unaccounted);
    for (const Leftover& file : recovered.leftovers) remove_kept(file);
    unsubmitted_.insert(recovered.orphans.begin(), recovered.orphans.end());
    recovered_ = true;
    hooks_.recovered(std::move(recovered.messages));
    release();
    relieve();
}

// Damage took records with it: the account is set right by naming what is missing.
void Spool::record_unaccounted(std::int64_t recipients) {
    report("queue.conservation", fmt::format("{} recipients are missing after replay", recipients));
    std::vector<FinishedMessage> missing;
    for (; recipients > 0; recipients -= missing.back().recipients)
        missing.push_back({QueueId{}, static_cast<std::uint16_t>(std::min<std::int64_t>(recipients, UINT16_MAX))});
    if (!missing.empty()) finish(Outcome::corrupt, std::move(missing));
}

Writer::Events Spool::writer_events() {
    Writer::Events events;
    events.post = hooks_.post;
    events.opened = [this](std::shared_ptr<Segment> segment) { opened(std::move(segment)); };
    events.failed = [this](std::uint64_t generation, const std::string& why) {
        report("queue.segment.failed", fmt::format("generation {}: {}", generation, why));
        live_[generation].failed = true;
        relieve();
    };
    events.refused = [this](std::string why) {
        if (writer_refusal_ != why) report("queue.intake.stopped", why);
        refusal_ = writer_refusal_ = std::move(why);
    };
    events.wants_segment = [this] { prepare_segment(); };
    return events;
}

bool Spool::pump() { return writer_->step() || bodies_.run_one() || keeper_.run_one(); }

Spool::Stub* Spool::stub(const QueueId& id) {
    if (const auto kept = kept_.find(id); kept != kept_.end()) return &kept->second;
    const auto live = live_.find(id.generation);
    if (live == live_.end()) return nullptr;
    const auto found = live->second.messages.find(id.offset);
    return found == live->second.messages.end() ? nullptr : &found->second;
}

void Spool::pin(std::uint64_t generation, int change) {
    const auto live = live_.find(generation);
    if (live != live_.end()) live->second.pins += static_cast<std::size_t>(change);
}

// The oldest state record of a message holds its segment, until it is copied forward or the message ends.
void Spool::note_change(const QueueId& id, std::uint64_t generation) {
    Stub* message = stub(id);
    if (!message || message->oldest_change != 0) return;
    message->oldest_change = generation;
    ++live_[generation].changes;
}

void Spool::forget_change(Stub& message) {
    if (message.oldest_change == 0) return;
    --live_[message.oldest_change].changes;
    message.oldest_change = 0;
}

void Spool::accept(Accepted message, AcceptDone done) {
    if (!refusal_.empty() || writer_->waiting_bytes() > options_.max_waiting) {
        done(Error(Errc::no_space, refusal_.empty() ? "too much waits for the disk" : refusal_), std::move(message));
        return;
    }
    writer_->submit(std::move(message), [this, done = std::move(done)](Result<Writer::Written> place, JournalRecord&& record) {
        written_accept(std::move(place), std::move(record), done);
    });
}

void Spool::written_accept(Result<Writer::Written> place, JournalRecord&& record, const AcceptDone& done) {
    auto& message = std::get<Accepted>(record);
    if (!place) return done(place.error(), std::move(message));
    totals_ += tally(record);
    Stub stub;
    stub.length = place->length;
    if (message.large) stub.large = message.large->name;
    live_[place->generation].messages.emplace(place->offset, stub);
    if (message.parent) note_change(message.parent->id, place->generation);
    done(QueueId{place->id_salt, place->generation, place->offset}, std::move(message));
}

void Spool::change(const QueueId& id, RecipientRecords recipients, std::function<void()> done) {
    writer_->submit(Changed{id, false, std::move(recipients), {}},
                    [this, done = std::move(done)](Result<Writer::Written> place, JournalRecord&& record) {
                        if (!place) return;   // too large for a segment, which a state record never is
                        totals_ += tally(record);
                        note_change(std::get<Changed>(record).id, place->generation);
                        if (done) done();
                    });
}

void Spool::finish(Outcome outcome, std::vector<FinishedMessage> messages, std::function<void()> done) {
    writer_->submit(Finished{outcome, std::move(messages)},
                    [this, done = std::move(done)](Result<Writer::Written> place, JournalRecord&& record) {
                        if (!place) return;
                        totals_ += tally(record);
                        for (const FinishedMessage& m : std::get<Finished>(record).messages) drop(m.id, place->generation);
                        release();
                        if (done) done();
                    });
}

void Spool::drop(const QueueId& id, std::uint64_t generation) {
    Stub* message = stub(id);
    if (!message) return;
    forget_change(*message);
    if (message->large != 0) remove_large(message->large);
    if (message->moving) {
        message->ended_in = generation;   // resume_drop() follows when the copy is made
        pin(generation, 1);
        return;
    }
    const Stub ended = *message;
    if (ended.base == Base::journal) live_[id.generation].messages.erase(id.offset);
    else kept_.erase(id);
    if (ended.in_deferred) remove_kept({id, Base::deferred, generation});
    if (ended.in_hold) remove_kept({id, Base::hold, generation});
}

void Spool::lost(const QueueId& id, const std::string& why) {
    Stub* message = stub(id);
    if (!message || std::exchange(message->damaged, true)) return;
    report("queue.damage", fmt::format("message {}: {}", id.text(), why));
    hooks_.damaged(id, why);
}

void Spool::resume_drop(const QueueId& id) {
    const std::uint64_t generation = std::exchange(stub(id)->ended_in, 0);
    if (generation == 0) return;
    drop(id, generation);
    pin(generation, -1);
}

int Spool::folder_of(Base base) const { return base == Base::hold ? folders_.hold.get() : folders_.deferred.get(); }

// Rule 3: the record that finished the message stays until its file is gone for good.
void Spool::remove_kept(Leftover file) {
    pin(file.finished_in, 1);
    keeper_.submit([this, file] {
        const int folder = folder_of(file.base);
        bool gone = sys_.unlink(folder, file.id.text()) == 0 || errno == ENOENT;
        gone = gone && sync_file(sys_, folder, "kept messages").ok();
        hooks_.post([this, file, gone] {
            if (!gone) {
                unremoved_.push_back(file);
                return;
            }
            pin(file.finished_in, -1);
            release();
        });
    });
}

void Spool::read(const QueueId& id, std::function<void(Result<Accepted>)> done) {
    const Stub* message = stub(id);
    if (!message) return done(Error(Errc::not_found, "no such message"));
    std::shared_ptr<Segment> segment;
    if (message->base == Base::journal) segment = live_[id.generation].segment;
    pin(id.generation, 1);
    bodies_.submit([this, id, segment, stub = *message, done = std::move(done)] {
        auto result = std::make_shared<Result<Accepted>>(read_base(segment.get(), id, stub));
        hooks_.post([this, id, done, result] {
            pin(id.generation, -1);
            const bool damaged = !*result && result->error().code() == Errc::corrupt;
            const std::string why = damaged ? result->error().message() : "";
            done(std::move(*result));
            if (damaged) lost(id, why);
        });
    });
}

Result<Accepted> Spool::read_base(const Segment* segment, const QueueId& id, const Stub& stub) {
    if (segment) {
        auto bytes = segment->read(id.offset, stub.length);
        if (!bytes) return bytes.error();
        auto message = accepted_in(*bytes);
        if (message) return message;
        if (auto saved = set_aside(sys_, folders_, id.text(), *bytes); !saved) return saved.error();
        return message.error();
    }
    auto kept = read_kept(sys_, folder_of(stub.base), id.text());
    if (kept) return std::move(kept->message);
    if (kept.error().code() == Errc::corrupt)
        sys_.rename(folder_of(stub.base), id.text(), folders_.corrupt.get(), id.text());
    return kept.error();
}

void Spool::set_on_hold(const QueueId& id, std::function<void(Result<void>)> done) {
    Stub* message = stub(id);
    if (!message) return done(Error(Errc::not_found, "no such message"));
    if (message->moving) return done(Error(Errc::unavailable, "being copied, try again"));
    if (message->base == Base::hold) return done({});
    message->moving = message->in_hold = true;
    std::shared_ptr<Segment> segment;
    if (message->base == Base::journal) segment = live_[id.generation].segment;
    keeper_.submit([this, id, segment, length = message->length, state = hooks_.snapshot(id), done = std::move(done)] {
        bool moved = false;
        Result<void> result;
        if (!segment) {
            result = move_kept(id, Base::deferred, Base::hold, moved);
        } else if (auto kept = read_for_copy(*segment, id, length, state); !kept) {
            result = kept.error();
        } else {
            result = write_kept(sys_, folders_.hold.get(), std::move(*kept));
            if (result) result = sync_file(sys_, folders_.hold.get(), "hold");
            moved = result.ok();
        }
        hooks_.post([this, id, moved, result, done] {
            held(id, moved);
            done(result);
        });
    });
}

Result<void> Spool::move_kept(const QueueId& id, Base from, Base to, bool& moved) {
    if (sys_.rename(folder_of(from), id.text(), folder_of(to), id.text()) != 0) return Error::from_errno("rename a kept message");
    moved = true;
    for (const Base folder : {to, from})
        if (auto synced = sync_file(sys_, folder_of(folder), "kept messages"); !synced) return synced;
    return {};
}

void Spool::take_off_hold(const QueueId& id, std::function<void(Result<void>)> done) {
    Stub* message = stub(id);
    if (!message) return done(Error(Errc::not_found, "no such message"));
    if (message->moving) return done(Error(Errc::unavailable, "being copied, try again"));
    if (message->base != Base::hold) return done({});
    message->moving = message->in_deferred = true;
    keeper_.submit([this, id, done = std::move(done)] {
        bool moved = false;
        const auto result = move_kept(id, Base::hold, Base::deferred, moved);
        hooks_.post([this, id, moved, result, done] {
            Stub& kept = *stub(id);
            kept.moving = false;
            if (moved) kept.base = Base::deferred;
            if (!result) report("queue.release.failed", fmt::format("message {}: {}", id.text(), result.error().message()));
            resume_drop(id);
            release();
            done(result);
        });
    });
}

void Spool::held(const QueueId& id, bool moved) {
    Stub& message = *stub(id);
    message.moving = false;
    if (moved) {
        Stub in_hold = message;
        in_hold.base = Base::hold;
        if (message.base == Base::journal) live_[id.generation].messages.erase(id.offset);
        kept_[id] = in_hold;
    }
    resume_drop(id);
    release();
}

Result<LargeFiles::Opened> Spool::create_large() {
    if (!refusal_.empty()) return Error(Errc::no_space, refusal_);
    return large_.create();
}

void Spool::commit_large(std::uint64_t name, std::function<void(Result<LargeBody>)> done) {
    bodies_.submit([this, name, done = std::move(done)] {
        hooks_.post([done, result = large_.commit(name)] { done(result); });
    });
}

void Spool::open_large(const LargeBody& body, std::function<void(Result<Fd>)> done) {
    bodies_.submit([this, body, done = std::move(done)] {
        auto result = std::make_shared<Result<Fd>>(large_.open(body));
        hooks_.post([done, result] { done(std::move(*result)); });
    });
}

void Spool::read_large(const LargeBody& body, std::uint64_t from, std::size_t size, std::function<void(Result<std::string>)> done) {
    bodies_.submit([this, body, from, size, done = std::move(done)] {
        auto result = std::make_shared<Result<std::string>>(large_.read(body, from, size));
        hooks_.post([done, result] { done(std::move(*result)); });
    });
}

// Losing this unlink costs space until the next start, which in its time removes what nothing refers to.
void Spool::remove_large(std::uint64_t name) {
    keeper_.submit([this, name] {
        if (auto removed = large_.remove(name); !removed)
            hooks_.post([this, why = removed.error().message()] { report("queue.large.unremoved", why); });
    });
}

} // namespace postern::qmgr
