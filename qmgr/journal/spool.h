// The spool of one qmgr: what is acknowledged here survives kill -9 and power loss.
//
// Where a message is, the step that leaves it, and what recovery does on finding it:
//
//   large/<name> alone            commit + accept()        nothing refers to it: removed
//   batch half written            flush                    last batch, fails its check: never acknowledged, dropped
//   accepted record in a segment  finish(), evacuation     replayed; state records behind it applied
//   .<id> in deferred/            rename                   draft: removed, the record is still in its segment
//   record and deferred/<id>      release of the segment   the file wins; the same message
//   deferred/<id>                 finish()                 replayed; state records in live segments applied
//   finished record, file left    unlink, folder flushed   file removed; the record's segment stays until then
//   hold/<id>                     (an operator)            as deferred, every waiting recipient held
//   .orders                       rename                   draft: written anew the next time
//   orders                        (an operator)            read; damaged: to corrupt/, told, none
//   corrupt/…                     (an operator)            left alone
//
// All functions are called on the loop's thread and answer there. Behind them work the journal's writer and two
// task threads: the keeper (copies out, removes, zeroes segments ahead, replays) and the bodies thread (reads,
// checksums large bodies). With Options::threads off they are pumped by hand.
#pragma once

#include "qmgr/journal/folders.h"
#include "qmgr/journal/large_files.h"
#include "qmgr/journal/orders_file.h"
#include "qmgr/journal/recovery.h"
#include "qmgr/journal/task_thread.h"
#include "qmgr/journal/writer.h"

#include <unordered_map>

namespace postern::qmgr {

class Spool {
  public:
    struct Options {
        std::uint64_t segment_bytes = 64 * 1024 * 1024;
        std::size_t live_segments = 8;                  // beyond, the oldest is copied out to deferred/
        std::size_t spare_segments = 2;                 // kept for reuse
        std::uint64_t reserve = 64 * 1024 * 1024;       // free space beside a copy of the live journal: rule 13
        std::uint64_t max_waiting = 64 * 1024 * 1024;   // bytes of messages between accept() and their flush
        bool threads = true;
    };
    struct Hooks {
        std::function<void(std::function<void()>)> post;                       // runs a task on the loop
        std::function<RecipientRecords(const QueueId&)> snapshot;              // recipients not as they were accepted
        std::function<void(std::vector<RecoveredMessage>)> recovered;          // once, when replay has ended
        std::function<void(const QueueId&, std::string why)> damaged;          // its bytes cannot be had: finish() it
        std::function<void(std::string_view event, std::string detail)> trouble;   // for the log
    };

    // Intake is open on return, unless refusal() says why not.
    static Result<std::unique_ptr<Spool>> open(Sys& sys, int root, Options options, Hooks hooks);
    ~Spool();

    // Answered once the message is on disk. Gets the message back: its body need not be read again at once.
    using AcceptDone = std::function<void(Result<QueueId>, Accepted&&)>;
    void accept(Accepted message, AcceptDone done);

    // Everything known of these recipients from now on. Never fails: waits while nothing can be written.
    void change(const QueueId& id, RecipientRecords recipients, std::function<void()> done = {});

    // Every recipient that still waits has ended; the messages are gone when `done` runs.
    void finish(Outcome outcome, std::vector<FinishedMessage> messages, std::function<void()> done = {});

    // Reads a message back, its checksum verified. Errc::corrupt: hooks.damaged follows.
    void read(const QueueId& id, std::function<void(Result<Accepted>)> done);

    // Copies a message into hold/; the caller then records its recipients as held.
    void set_on_hold(const QueueId& id, std::function<void(Result<void>)> done);
    // Back to deferred/; the caller then records them as it wants them.
    void take_off_hold(const QueueId& id, std::function<void(Result<void>)> done);

    Result<LargeFiles::Opened> create_large();
    void commit_large(std::uint64_t name, std::function<void(Result<LargeBody>)> done);
    void open_large(const LargeBody& body, std::function<void(Result<Fd>)> done);
    // A piece of it, at most `size` bytes.
    void read_large(const LargeBody& body, std::uint64_t from, std::size_t size, std::function<void(Result<std::string>)> done);
    void remove_large(std::uint64_t name);
    // A body that was opened before the last start and never submitted: once, within `ticks_to_adopt` of recovery.
    static constexpr unsigned ticks_to_adopt = 600;
    bool adopt_large(std::uint64_t name) { return unsubmitted_.erase(name) > 0; }

    // As they were found at the start; keep() writes them, one after the other.
    const Orders& orders() const { return orders_; }
    void keep(Orders orders, std::function<void(Result<void>)> done);

    // Now and then, about once a second: looks at free space, tries again what had failed.
    void tick();
    // Why no message is taken now; empty when one is.
    const std::string& refusal() const { return refusal_; }

    const Totals& totals() const { return totals_; }
    std::size_t live_segments() const { return live_.size(); }
    std::uint64_t batches() const { return writer_->batches(); }
    std::uint64_t records() const { return writer_->records(); }
    bool is_recovered() const { return recovered_; }
    bool is_idle() const { return writer_->waiting_bytes() == 0; }   // nothing waits for its flush

    // Without threads: does one thing that waits; false when nothing does.
    bool pump();

  private:
    struct Stub {
        std::uint32_t length = 0;          // of the frame in the journal
        std::uint64_t oldest_change = 0;   // generation of the oldest state record that counts; 0: none
        std::uint64_t large = 0;           // name of the large body
        Base base = Base::journal;
        bool moving = false;               // a copy is being made
        bool damaged = false;              // its bytes cannot be had
        bool in_deferred = false;          // a file may lie there, whole or not
        bool in_hold = false;
        std::uint64_t ended_in = 0;        // finished while moving: generation of that record
    };
    struct Live {
        std::shared_ptr<Segment> segment;
        std::unordered_map<std::uint32_t, Stub> messages;   // by offset: those based here
        std::size_t changes = 0;                            // stubs whose oldest_change is here
        std::size_t pins = 0;                               // reads and unlinks under way
        bool failed = false;                                // copy everything out
        bool evacuating = false;
    };
    struct Retired {
        std::uint64_t generation;
        std::string name;
    };
    struct Copy {                          // one message on its way to deferred/
        QueueId id;
        std::uint32_t length;
        RecipientRecords recipients;
        Result<void> result{};
    };

    Spool(Sys& sys, Folders folders, Options options, Hooks hooks);
    void start(Survey found);
    void load_orders();
    void install(Recovered recovered);
    Writer::Events writer_events();
    Result<std::shared_ptr<Segment>> make_segment();

    Stub* stub(const QueueId& id);
    void note_change(const QueueId& id, std::uint64_t generation);
    void forget_change(Stub& stub);
    void written_accept(Result<Writer::Written> place, JournalRecord&& record, const AcceptDone& done);
    void drop(const QueueId& id, std::uint64_t generation);
    void resume_drop(const QueueId& id);
    void remove_kept(Leftover file);

    void opened(std::shared_ptr<Segment> segment);
    void release();
    void relieve();
    void evacuate(std::uint64_t generation);
    void copy_out(const Segment& segment, std::vector<Copy>& batch);
    void copied(std::uint64_t generation, std::vector<Copy> batch);
    void forward_changes(std::uint64_t generation);
    void drop_retired(std::uint64_t oldest_live);
    void prepare_segment();
    Result<Accepted> read_base(const Segment* segment, const QueueId& id, const Stub& stub);
    Result<Kept> read_for_copy(const Segment& segment, const QueueId& id, std::uint32_t length, RecipientRecords state);
    void pin(std::uint64_t generation, int change);
    Result<void> move_kept(const QueueId& id, Base from, Base to, bool& moved);
    void held(const QueueId& id, bool moved);
    void lost(const QueueId& id, const std::string& why);
    void record_unaccounted(std::int64_t recipients);
    int folder_of(Base base) const;
    void report(std::string_view event, std::string detail) const { hooks_.trouble(event, std::move(detail)); }

    Sys& sys_;
    Folders folders_;
    const Options options_;
    Hooks hooks_;
    LargeFiles large_;
    std::unique_ptr<Writer> writer_;
    std::atomic<std::uint32_t> next_file_{1};

    std::map<std::uint64_t, Live> live_;           // by generation; the last is written to
    std::map<QueueId, Stub> kept_;                 // based in deferred/ or hold/
    std::vector<Retired> retired_;                 // files to unlink once no header calls them live
    std::set<std::uint64_t> unsubmitted_;          // large bodies that a session may still be writing
    unsigned ticks_left_to_adopt_ = ticks_to_adopt;
    bool preparing_ = false;
    bool rolling_ = false;
    bool recovered_ = false;
    Totals totals_;
    Orders orders_;
    std::string refusal_, writer_refusal_;
    std::vector<Leftover> unremoved_;              // whose unlink failed: tried again

    TaskThread keeper_, bodies_;                   // last: their tasks use the rest
};

} // namespace postern::qmgr
