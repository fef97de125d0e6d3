// The bounded history behind `mailctl explain`: files below history/ in logd's directory.
//
//   <serial>.seg   blocks (history_block.h) one behind the other; the name is the serial of the first
//   tail           the events of the block that is not full yet, as they came, behind the serial it will get
//   damaged.seg    the segment last found damaged, set aside for whoever wants to look; the next replaces it
//
//   step                                       after a kill here
//   1. a batch is appended to the tail         what the write took is there
//   2. the full tail goes as a block into      both have it: the tail's serial is no longer the next one, so it
//      the youngest segment                    is dropped
//   3. the tail is emptied                     -
//
// Nothing is flushed to the disk: a flush here would compete with the journal's, and after loss of power the last
// half minute of history may be gone, as it may of the log files. What is left is told apart by CRCs. Whatever is wrong
// with a file costs that file, is reported, and never stops logd.
//
// One thread's object: logd's recorder thread owns it.
#pragma once

#include "libcommon/owned.h"
#include "logd/history_block.h"

#include <filesystem>
#include <map>

namespace postern::logd {

class History {
  public:
    struct Options {
        std::filesystem::path directory;
        std::uint64_t max_bytes = 0;             // 0: no history at all
        std::int64_t max_age_us = 0;
        bool operator==(const Options&) const = default;
    };
    // Told of everything an operator should know.
    using Report = std::function<void(std::string)>;

    History(Options options, Report report);

    Result<void> open(std::int64_t now_us);
    // At most block_events_bytes at a time.
    Result<void> append(const Batch& batch, std::int64_t now_us);

    // Calls `each` with the events of all blocks that may hold one of the keys, the youngest block first and in it the
    // youngest event, until it says false. Events older than `since_us` are left out.
    void search(std::span<const KeyHash> keys, std::int64_t since_us, const std::function<bool(Kept)>& each);

    std::int64_t oldest_us() const;              // of what is kept; 0: nothing is
    std::uint64_t bytes() const;                 // on disk
    std::uint64_t events() const;

  private:
    struct Place {
        BlockHeader header;
        std::uint64_t offset = 0;
    };
    struct Segment {
        Fd file;
        std::uint64_t size = 0;
        std::int64_t last_us = INT64_MIN;
        std::vector<Place> blocks;
    };
    using Segments = std::map<std::uint64_t, Segment>;

    std::filesystem::path path_of(std::uint64_t serial) const;
    std::filesystem::path tail_path() const { return options_.directory / "tail"; }
    Result<Segment> read_segment(const std::filesystem::path& path, bool youngest) const;
    Result<void> open_segments();
    Result<void> open_tail();
    Result<void> write_tail(std::string_view bytes);
    Result<void> empty_tail();
    Result<void> seal(std::int64_t now_us);
    Result<Segments::iterator> segment_for(std::size_t more, std::int64_t now_us);
    void forget_old(std::int64_t now_us);
    void set_aside(std::uint64_t serial, const std::string& why);
    Result<std::string> events_of(const Segment& segment, const Place& place, std::span<const KeyHash> keys) const;
    bool search_segment(const Segment& segment, std::span<const KeyHash> keys, std::int64_t since_us,
                        const std::function<bool(Kept)>& each, std::string& damage) const;

    Options options_;
    Report report_;
    Segments segments_;                          // by the serial of their first block
    std::uint64_t next_serial_ = 1;
    Fd tail_file_;
    Batch tail_;
};

} // namespace postern::logd
