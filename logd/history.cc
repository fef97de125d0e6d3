#include "logd/history.h"

#include "libcommon/file.h"
#include "libcommon/text.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace postern::logd {
namespace {

namespace fs = std::filesystem;

constexpr int pieces = 16;            // a segment is at most this part of the history, in bytes and in time
constexpr std::size_t serial_bytes = sizeof(std::uint64_t);

Result<std::string> read_at(int file, std::uint64_t offset, std::size_t size) {
    auto bytes = read_piece(file, offset, size);
    if (bytes && bytes->size() < size) return Error(Errc::corrupt, "a file of the history is cut short");
    return bytes;
}

Result<void> write_all(int file, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(file, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return Error::from_errno("write the history");
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

Result<Fd> open_file(const fs::path& path, int flags) {
    Fd file(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0640));
    if (!file) return Error::from_errno("open " + path.string());
    return file;
}

std::uint64_t size_of(int file) {
    struct stat status {};
    return ::fstat(file, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

std::uint64_t serial_of(const fs::path& path) {
    const auto bytes = path.extension() == ".seg" ? from_hex(path.stem().string()) : std::nullopt;
    if (!bytes || bytes->size() != serial_bytes) return 0;
    std::uint64_t serial = 0;
    for (const char c : *bytes) serial = serial << 8 | static_cast<unsigned char>(c);
    return serial;
}

} // namespace

History::History(Options options, Report report) : options_(std::move(options)), report_(std::move(report)) {}

fs::path History::path_of(std::uint64_t serial) const {
    char name[32];
    std::snprintf(name, sizeof name, "%016llx.seg", static_cast<unsigned long long>(serial));
    return options_.directory / name;
}

// ---- opening

Result<void> History::open(std::int64_t now_us) {
    if (::mkdir(options_.directory.c_str(), 0700) != 0 && errno != EEXIST)
        return Error::from_errno("create " + options_.directory.string());
    if (auto done = open_segments(); !done) return done;
    if (auto done = open_tail(); !done) return done;
    forget_old(now_us);
    return {};
}

Result<void> History::open_segments() {
    std::vector<std::uint64_t> serials;
    std::error_code error;
    for (fs::directory_iterator at(options_.directory, error), end; !error && at != end; at.increment(error))
        if (const std::uint64_t serial = serial_of(at->path()); serial != 0) serials.push_back(serial);
    if (error) return Error(Errc::io, "list " + options_.directory.string() + ": " + error.message());
    std::sort(serials.begin(), serials.end());
    for (const std::uint64_t serial : serials) {
        auto segment = read_segment(path_of(serial), serial == serials.back());
        next_serial_ = std::max(next_serial_, serial + 1);
        if (!segment) {
            set_aside(serial, segment.error().message());
            continue;
        }
        if (!segment->blocks.empty()) next_serial_ = std::max(next_serial_, segment->blocks.back().header.serial + 1);
        segments_.emplace(serial, std::move(*segment));
    }
    return {};
}

// The youngest may end in a block that was being written when logd or the host went down: it is cut off. Elsewhere, and
// in its middle, whatever does not read is damage.
Result<History::Segment> History::read_segment(const fs::path& path, bool youngest) const {
    auto file = open_file(path, O_RDWR | O_APPEND);
    if (!file) return file.error();
    Segment segment;
    const std::uint64_t size = size_of(file->get());
    while (segment.size < size) {
        const std::uint64_t left = size - segment.size;
        Result<BlockHeader> header = Error(Errc::corrupt, "a block is cut short");
        if (left >= BlockHeader::bytes)
            if (auto bytes = read_at(file->get(), segment.size, BlockHeader::bytes)) header = parse_block_header(*bytes);
        const bool whole = header.ok() && header->block_size() <= left;
        if (!whole && youngest && left < max_block_events_bytes && (header.ok() || left < BlockHeader::bytes)) {
            if (::ftruncate(file->get(), static_cast<off_t>(segment.size)) != 0) return Error::from_errno("truncate " + path.string());
            break;
        }
        if (!whole) return Error(Errc::corrupt, "a damaged block at offset " + std::to_string(segment.size));
        segment.blocks.push_back({*header, segment.size});
        segment.last_us = std::max(segment.last_us, header->last_us);
        segment.size += header->block_size();
    }
    segment.file = std::move(*file);
    return segment;
}

Result<void> History::open_tail() {
    auto file = open_file(tail_path(), O_RDWR | O_APPEND | O_CREAT);
    if (!file) return file.error();
    tail_file_ = std::move(*file);
    const std::uint64_t size = size_of(tail_file_.get());
    if (size < serial_bytes || size > serial_bytes + max_block_events_bytes) return empty_tail();
    auto bytes = read_at(tail_file_.get(), 0, size);
    if (!bytes) return bytes.error();
    std::uint64_t serial = 0;
    (void)Reader(*bytes).get(serial);
    if (serial < next_serial_) return empty_tail();            // step 2 was done, step 3 was not
    std::uint64_t good = serial_bytes;
    const bool whole = each_kept(std::string_view(*bytes).substr(serial_bytes), [&](const Kept& kept, std::string_view raw) {
        tail_.add(kept.source, raw.substr(2 * sizeof(std::uint32_t) + kept.source.value.size()), kept.record);
        good += raw.size();
    });
    next_serial_ = serial;
    if (whole) return {};
    report_("the end of the tail was cut off: " + std::to_string(size - good) + " bytes of it are no event");
    if (::ftruncate(tail_file_.get(), static_cast<off_t>(good)) != 0) return Error::from_errno("truncate the tail");
    return {};
}

// ---- writing

Result<void> History::append(const Batch& batch, std::int64_t now_us) {
    if (!tail_file_) return Error(Errc::unavailable, "the history is not open");
    // A full tail that cannot become a block now (no space) grows on while it may, and is tried again.
    if (tail_.events.size() >= block_events_bytes)
        if (auto done = seal(now_us); !done && tail_.events.size() + batch.events.size() > max_block_events_bytes) return done;
    if (auto done = write_tail(batch.events); !done) return done;
    tail_.add(batch);
    return {};
}

// All or nothing: half an event would end the tail at the next start.
Result<void> History::write_tail(std::string_view bytes) {
    const std::uint64_t before = size_of(tail_file_.get());
    auto done = write_all(tail_file_.get(), bytes);
    if (!done) (void)!::ftruncate(tail_file_.get(), static_cast<off_t>(before));
    return done;
}

Result<void> History::empty_tail() {
    tail_ = {};
    if (::ftruncate(tail_file_.get(), 0) != 0) return Error::from_errno("empty the tail");
    std::string serial;
    Writer(serial).put(next_serial_);
    return write_all(tail_file_.get(), serial);
}

Result<void> History::seal(std::int64_t now_us) {
    if (tail_.empty()) return {};
    const std::string block = pack_block(next_serial_, tail_);
    auto segment = segment_for(block.size(), now_us);
    if (!segment) return segment.error();
    Segment& into = (*segment)->second;
    if (auto done = write_all(into.file.get(), block); !done) {
        (void)!::ftruncate(into.file.get(), static_cast<off_t>(into.size));
        return done;
    }
    auto header = parse_block_header(block);
    if (!header) return header.error();
    into.blocks.push_back({*header, into.size});
    into.size += block.size();
    into.last_us = std::max(into.last_us, tail_.last_us);
    ++next_serial_;
    forget_old(now_us);
    return empty_tail();
}

// The youngest segment, or a new one when it has its share.
Result<History::Segments::iterator> History::segment_for(std::size_t more, std::int64_t now_us) {
    if (!segments_.empty()) {
        const auto youngest = std::prev(segments_.end());
        const Segment& segment = youngest->second;
        const bool old = !segment.blocks.empty() && segment.blocks.front().header.first_us < now_us - options_.max_age_us / pieces;
        if (!old && segment.size + more <= options_.max_bytes / pieces) return youngest;
    }
    auto file = open_file(path_of(next_serial_), O_RDWR | O_APPEND | O_CREAT | O_TRUNC);
    if (!file) return file.error();
    Segment made;
    made.file = std::move(*file);
    return segments_.insert_or_assign(next_serial_, std::move(made)).first;
}

void History::forget_old(std::int64_t now_us) {
    while (!segments_.empty()) {
        const auto oldest = segments_.begin();
        const bool too_old = oldest->second.last_us < now_us - options_.max_age_us;
        if (!too_old && (bytes() <= options_.max_bytes || segments_.size() == 1)) return;
        ::unlink(path_of(oldest->first).c_str());
        segments_.erase(oldest);
    }
}

void History::set_aside(std::uint64_t serial, const std::string& why) {
    const fs::path from = path_of(serial);
    const bool moved = ::rename(from.c_str(), (options_.directory / "damaged.seg").c_str()) == 0 || ::unlink(from.c_str()) == 0;
    segments_.erase(serial);
    report_(from.filename().string() + (moved ? " set aside as damaged.seg: " : " cannot be set aside: ") + why);
}

// ---- reading

void History::search(std::span<const KeyHash> keys, std::int64_t since_us, const std::function<bool(Kept)>& each) {
    std::vector<Kept> young;
    each_kept(tail_.events, [&](Kept kept, std::string_view) {
        if (kept.record.time_us >= since_us) young.push_back(std::move(kept));
    });
    for (auto at = young.rbegin(); at != young.rend(); ++at)
        if (!each(std::move(*at))) return;
    std::vector<std::pair<std::uint64_t, std::string>> damaged;
    for (auto at = segments_.rbegin(); at != segments_.rend() && at->second.last_us >= since_us; ++at) {
        std::string damage;
        const bool more = search_segment(at->second, keys, since_us, each, damage);
        if (!damage.empty()) damaged.emplace_back(at->first, damage);
        if (!more) break;
    }
    for (const auto& [serial, why] : damaged) set_aside(serial, why);
}

bool History::search_segment(const Segment& segment, std::span<const KeyHash> keys, std::int64_t since_us,
                             const std::function<bool(Kept)>& each, std::string& damage) const {
    for (auto place = segment.blocks.rbegin(); place != segment.blocks.rend(); ++place) {
        if (place->header.last_us < since_us) continue;
        auto events = events_of(segment, *place, keys);
        if (!events) {
            damage = events.error().message() + " at offset " + std::to_string(place->offset);
            continue;                                          // the others still have their say
        }
        std::vector<Kept> found;
        each_kept(*events, [&](Kept kept, std::string_view) {
            if (kept.record.time_us >= since_us) found.push_back(std::move(kept));
        });
        for (auto at = found.rbegin(); at != found.rend(); ++at)
            if (!each(std::move(*at))) return false;
    }
    return true;
}

// Empty when the filter says that none of the keys is here.
Result<std::string> History::events_of(const Segment& segment, const Place& place, std::span<const KeyHash> keys) const {
    const std::uint64_t at = place.offset + BlockHeader::bytes;
    auto filter = read_at(segment.file.get(), at, place.header.filter_size);
    if (!filter) return filter.error();
    if (!may_hold_any(*filter, keys)) return std::string();
    auto body = read_at(segment.file.get(), at + place.header.filter_size, place.header.body_size);
    if (!body) return body.error();
    return unpack_block(place.header, *filter + *body);
}

std::int64_t History::oldest_us() const {
    std::int64_t oldest = tail_.first_us;
    for (const auto& [serial, segment] : segments_)
        for (const Place& place : segment.blocks) oldest = std::min(oldest, place.header.first_us);
    return oldest == INT64_MAX ? 0 : oldest;
}

std::uint64_t History::bytes() const {
    std::uint64_t sum = tail_.events.size();
    for (const auto& [serial, segment] : segments_) sum += segment.size;
    return sum;
}

std::uint64_t History::events() const {
    std::uint64_t sum = tail_.count;
    for (const auto& [serial, segment] : segments_)
        for (const Place& place : segment.blocks) sum += place.header.events;
    return sum;
}

} // namespace postern::logd
