#include "qmgr/journal/segment.h"

#include <algorithm>
#include <fcntl.h>

namespace postern::qmgr {
namespace {

constexpr std::string_view suffix = ".log";
constexpr std::size_t digits = 8;

Result<void> zero(Sys& sys, int fd, std::uint64_t bytes) {
    const std::string zeros(std::min<std::uint64_t>(bytes, 1024 * 1024), '\0');
    for (std::uint64_t at = 0; at < bytes; at += zeros.size()) {
        const auto part = std::string_view(zeros).substr(0, std::min<std::uint64_t>(zeros.size(), bytes - at));
        if (auto written = write_all(sys, fd, part, at); !written) return written;
    }
    return {};
}

} // namespace

bool Segment::is_name(std::string_view name) {
    return name.size() == digits + suffix.size() && name.ends_with(suffix) &&
           std::all_of(name.begin(), name.begin() + digits, [](char c) { return c >= '0' && c <= '9'; });
}

Result<std::shared_ptr<Segment>> Segment::create(Sys& sys, int journal_dir, const std::string& name, std::uint64_t bytes) {
    const std::string draft = "." + name;
    auto file = open_file(sys, journal_dir, draft, O_RDWR | O_CREAT | O_TRUNC);
    if (!file) return file.error();
    // 1. space, 2. zeros, 3. flush, 4. name, 5. flush the folder.
    const auto make = [&]() -> Result<void> {
        if (sys.allocate(file->get(), bytes) != 0) return Error::from_errno("allocate " + name);
        if (auto zeroed = zero(sys, file->get(), bytes); !zeroed) return zeroed;
        if (auto synced = sync_file(sys, file->get(), name); !synced) return synced;
        if (sys.rename(journal_dir, draft, journal_dir, name) != 0) return Error::from_errno("rename " + name);
        return sync_file(sys, journal_dir, "journal");
    };
    if (auto made = make(); !made) {
        sys.unlink(journal_dir, draft);
        return made.error();
    }
    std::shared_ptr<Segment> segment(new Segment(sys, name, std::move(*file)));
    segment->bytes_ = bytes;
    return segment;
}

Result<std::shared_ptr<Segment>> Segment::open(Sys& sys, int journal_dir, const std::string& name) {
    auto file = open_file(sys, journal_dir, name, O_RDWR);
    if (!file) return file.error();
    FileInfo info;
    if (sys.stat(file->get(), info) != 0) return Error::from_errno("stat " + name);
    if (!info.plain) return Error(Errc::corrupt, "not a plain file of ours: " + name);
    std::shared_ptr<Segment> segment(new Segment(sys, name, std::move(*file)));
    segment->bytes_ = info.size;
    auto block = read_exactly(sys, segment->file_.get(), 0, block_bytes);
    if (!block && block.error().code() != Errc::corrupt) return block.error();
    auto header = block ? decode_header(*block) : Result<SegmentHeader>(block.error());
    if (header && header->bytes <= info.size) segment->header_ = std::move(*header);
    else segment->unreadable_ = header.ok() || header.error().code() != Errc::not_found;
    return segment;
}

Result<void> Segment::begin(SegmentHeader header) {
    header.bytes = bytes_;
    if (auto written = write(encode_header(header), 0); !written) return written;
    if (auto flushed = flush(); !flushed) return flushed;
    header_ = std::move(header);
    unreadable_ = false;
    return {};
}

Result<void> Segment::flush() {
    if (sys_.fdatasync(file_.get()) != 0) return Error::from_errno("fdatasync " + name_);
    return {};
}

std::string Segment::read_front(std::uint64_t size_wanted) const {
    std::string all;
    size_wanted = std::min(size_wanted, header_.bytes);
    all.reserve(size_wanted);
    while (all.size() < size_wanted) {
        const std::size_t size = std::min<std::uint64_t>(1024 * 1024, size_wanted - all.size());
        if (auto part = read(all.size(), size)) {
            all += *part;
            continue;
        }
        for (std::size_t done = 0; done < size; done += block_bytes) {
            auto block = read(all.size(), std::min(block_bytes, size - done));
            all += block ? *block : std::string(std::min(block_bytes, size - done), '\0');
        }
    }
    return all;
}

Result<std::string> Segment::read(std::uint64_t offset, std::size_t size) const {
    if (offset > bytes_ || size > bytes_ - offset) return Error(Errc::corrupt, "read behind the end of " + name_);
    return read_exactly(sys_, file_.get(), offset, size);
}

} // namespace postern::qmgr
