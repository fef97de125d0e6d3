// A segment of any bytes: the scan ends, stays inside, and reports no record that does not check. To get behind
// the checksums the input is also taken as the payloads of batches that were sealed properly.
#include "qmgr/journal/segment_format.h"

#include <cstdlib>

using namespace postern;
using namespace postern::qmgr;

namespace {

SegmentHeader header() {
    SegmentHeader h;
    h.bytes = 1 << 20;
    h.generation = 7;
    h.salt = 99;
    return h;
}

void scan(std::string_view segment, const SegmentHeader& h) {
    const auto inside = [&](std::uint64_t from, std::uint64_t size) {
        if (from < block_bytes || from + size > segment.size()) std::abort();
    };
    scan_segment(segment, h, segment.size() % 2 == 0 ? std::optional<std::uint64_t>(segment.size()) : std::nullopt,
                 {[&](std::uint64_t offset, const Frame& frame) {
                      inside(offset, frame.size);
                      (void)decode_record(frame).ok();
                  },
                  [&](ByteRange range) { inside(range.from, range.to - range.from); }, {}});
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const auto read = decode_header(input.substr(0, block_bytes));
    scan(input, read ? *read : header());

    // Batches of ours with bytes of theirs in and between them.
    std::string segment = encode_header(header());
    BatchBuilder builder;
    for (std::size_t at = 0; at < size && segment.size() < (1 << 19); at += 512) {
        Accepted message;
        message.body = input.substr(at, 512);
        builder.clear();
        builder.add(message, 1 << 20);
        segment += builder.seal(header(), segment.size(), {});
        if (data[at] % 4 == 0) segment.append(std::string(input.substr(at, 64)) + std::string(block_bytes - 64, 'x'), 0, block_bytes);
        if (data[at] % 4 == 1) segment[segment.size() - 1 - data[at]] ^= 1;
    }
    scan(segment, header());
    return 0;
}
