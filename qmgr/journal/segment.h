// One file of journal/: NNNNNNNN.log, of fixed size, zero-written before it is first used (a merely preallocated
// file pays for its extents at every flush), reused in place.
#pragma once

#include "qmgr/journal/segment_format.h"
#include "qmgr/journal/sys.h"

#include <memory>

namespace postern::qmgr {

class Segment {
  public:
    // Makes a new file: written and flushed under a dot-name, then renamed, so that a file with its final name
    // always has its full size.
    static Result<std::shared_ptr<Segment>> create(Sys& sys, int journal_dir, const std::string& name, std::uint64_t bytes);
    // An existing file; header() tells what it is, has_header() whether it says anything.
    static Result<std::shared_ptr<Segment>> open(Sys& sys, int journal_dir, const std::string& name);
    static bool is_name(std::string_view name);   // eight digits and ".log"

    const std::string& name() const { return name_; }
    std::uint64_t bytes() const { return bytes_; }
    const SegmentHeader& header() const { return header_; }
    bool used() const { return header_.generation != 0; }
    bool unreadable() const { return unreadable_; }
    std::uint64_t generation() const { return header_.generation; }

    // Rule 3: the new header is flushed alone before anything is written behind it.
    Result<void> begin(SegmentHeader header);
    Result<void> write(std::string_view batch, std::uint64_t offset) { return write_all(sys_, file_.get(), batch, offset); }
    Result<void> flush();
    Result<std::string> read(std::uint64_t offset, std::size_t size) const;   // from any thread
    // The first `size` bytes; blocks the disk will not give are zeros, which fail their check.
    std::string read_front(std::uint64_t size) const;

  private:
    Segment(Sys& sys, std::string name, Fd file) : sys_(sys), name_(std::move(name)), file_(std::move(file)) {}

    Sys& sys_;
    std::string name_;
    Fd file_;
    std::uint64_t bytes_ = 0;
    SegmentHeader header_;
    bool unreadable_ = false;
};

} // namespace postern::qmgr
