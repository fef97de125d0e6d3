// The journal's one writer. It takes every record that waits, writes them as one batch with one pwrite, calls
// fdatasync once, then answers all of them. There is no timer: while one flush runs, the next batch forms.
//
// On a failed write or flush the segment is never synced again to acknowledge anything (rule 4): messages are
// answered with the error, other records go into the next segment, whose header says from where on the failed one
// counts for nothing. With no segment writable, messages are refused and other records wait.
#pragma once

#include "qmgr/journal/segment.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace postern::qmgr {

class Writer {
  public:
    struct Written {
        std::uint64_t generation = 0;
        std::uint32_t id_salt = 0;
        std::uint32_t offset = 0;        // of the record's frame in the segment
        std::uint32_t length = 0;        // of the frame
    };
    // Gets its record back: what a message's body need not be copied for.
    using Completion = std::function<void(Result<Written>, JournalRecord&&)>;

    struct Options {
        std::uint64_t next_generation = 1;
        std::uint32_t id_salt = 0;
        std::uint64_t oldest_live = 1;
        Totals totals;
        std::vector<SegmentEnd> ends;
    };
    // All are called through `post`, in the order things happened: a completion before the news that its segment
    // is no longer the one written to.
    struct Events {
        std::function<void(std::function<void()>)> post;
        std::function<void(std::shared_ptr<Segment>)> opened;
        std::function<void(std::uint64_t generation, std::string why)> failed;
        std::function<void(std::string why)> refused;      // no segment is writable
        std::function<void()> wants_segment;               // none is in reserve
    };
    // Makes a segment on the spot, when none was made ahead.
    using Maker = std::function<Result<std::shared_ptr<Segment>>()>;

    Writer(Options options, Events events, Maker maker);
    ~Writer() { stop(); }
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    void start();
    void stop();                                           // after what was submitted is written
    bool step();                                           // when not started: one batch; false, nothing waits

    // From any thread.
    void submit(JournalRecord record, Completion done);
    void offer(std::shared_ptr<Segment> segment);          // to be used, after those offered before
    void roll();                                           // goes on in a new segment, whose header tells what was released
    void set_oldest_live(std::uint64_t generation) { oldest_live_ = generation; }
    std::size_t spares();
    void reopen();                                         // tries for a segment although nothing waits
    std::uint64_t waiting_bytes() const { return waiting_bytes_; }
    std::uint64_t batches() const { return batches_; }
    std::uint64_t records() const { return records_; }

    // Opens a segment now instead of at the first record: intake is open when this succeeds.
    Result<void> open_segment();

  private:
    struct Item {
        JournalRecord record;
        Completion done;
        std::uint64_t bytes;
    };
    struct Answer {
        Item item;
        Result<Written> result;
    };

    void run();
    bool take_inbox();
    std::shared_ptr<Segment> next_segment(Error& why);
    void end_segment(std::uint64_t generation, std::uint64_t at);
    void fail_segment(const Error& error, std::vector<Item> items);
    void refuse_messages(const Error& error);
    std::vector<Item> collect();
    void write_batch(std::vector<Item> items);
    void answer(std::vector<Answer> answers);

    Events events_;
    Maker maker_;

    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Item> inbox_;
    std::deque<std::shared_ptr<Segment>> spares_;
    bool stopping_ = false;
    bool reopen_ = false, roll_ = false;

    // The writer thread's own.
    std::deque<Item> pending_;
    std::shared_ptr<Segment> segment_;
    std::uint64_t offset_ = 0;
    std::uint64_t next_generation_;
    std::uint32_t id_salt_;
    Totals totals_;
    std::vector<SegmentEnd> ends_;              // of the live segments before the current one
    BatchBuilder builder_;
    std::vector<BatchBuilder::Place> places_;   // of the collected items
    bool stuck_ = false;                        // records wait and no segment could be opened

    std::atomic<std::uint64_t> oldest_live_;
    std::atomic<std::uint64_t> waiting_bytes_{0}, batches_{0}, records_{0};
    std::thread thread_;
};

} // namespace postern::qmgr
