// The bytes of one journal segment, without any file: a header block, then batches, each aligned to a block.
// Rule 2: a batch is valid as a whole or not at all. It names its segment's generation, its own offset and the
// segment's secret salt, so that neither an older life of the file nor a message body that looks like a batch is
// ever taken for one.
#pragma once

#include "qmgr/journal/record.h"

#include <functional>

namespace postern::qmgr {

constexpr std::size_t block_bytes = 4096;
constexpr std::size_t round_to_block(std::size_t size) { return (size + block_bytes - 1) / block_bytes * block_bytes; }

// Where an earlier segment ends: from this offset on nothing in it counts. After a failed write or flush (rule 4)
// batches may stand behind it that were never acknowledged; else it spares a start reading what was never written.
struct SegmentEnd {
    std::uint64_t generation = 0;
    std::uint64_t at = 0;
    bool operator==(const SegmentEnd&) const = default;
    static auto fields(auto& m) { return std::tie(m.generation, m.at); }
};

struct SegmentHeader {
    static constexpr std::size_t max_ends = 200;
    std::uint64_t bytes = 0;             // of the segment
    std::uint64_t generation = 0;        // counts every opening of every segment, from 1
    std::uint64_t salt = 0;              // secret: never part of an id or a log line
    std::uint32_t id_salt = 0;           // of the queue ids given out in this segment
    std::uint64_t oldest_live = 0;       // older generations are finished, whatever their files still say
    Totals totals;                       // the account when the segment was opened
    List<SegmentEnd, max_ends> ends;     // of the other live segments
    bool operator==(const SegmentHeader&) const = default;
    static auto fields(auto& m) {
        return std::tie(m.bytes, m.generation, m.salt, m.id_salt, m.oldest_live, m.totals, m.ends);
    }
};
std::string encode_header(const SegmentHeader& header);            // one block
// Errc::not_found: never written, all zero. Errc::corrupt: something else was there.
Result<SegmentHeader> decode_header(std::string_view block);

// Collects records for one batch.
class BatchBuilder {
  public:
    BatchBuilder() { clear(); }
    void clear();
    bool empty() const { return records_ == 0; }
    std::size_t bytes() const { return round_to_block(buffer_.size()); }   // with padding

    struct Place {
        std::size_t at = 0, size = 0;    // of the record's frame, in the batch
    };
    // A record that would make the batch exceed `room` is not taken.
    std::optional<Place> add(const JournalRecord& record, std::size_t room);
    // `totals` is the account with this batch in it: what a damaged batch took is known from the next. The bytes
    // are valid until clear().
    std::string_view seal(const SegmentHeader& header, std::uint64_t offset, const Totals& totals);

  private:
    std::string buffer_;
    std::uint32_t records_ = 0;
};

struct ByteRange {
    std::uint64_t from = 0, to = 0;
};
struct SegmentVisitor {
    std::function<void(std::uint64_t offset, const Frame& frame)> record;
    std::function<void(ByteRange)> damaged;   // a bad batch, or record, with a valid batch behind it
    std::function<void(const Totals&)> account;   // behind each batch; may be empty
};
// Walks a segment's valid batches, in order, and returns where the next would begin. With no `end` known, a bad batch
// with nothing valid behind it is the last one, never acknowledged; before a known end it is damage.
std::uint64_t scan_segment(std::string_view segment, const SegmentHeader& header, std::optional<std::uint64_t> end,
                           const SegmentVisitor& visitor);

} // namespace postern::qmgr
