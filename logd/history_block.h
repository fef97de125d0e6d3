// A block of history: some hundreds of events, compressed together, behind a filter that says which keys they do not
// have. A search reads headers and filters and unpacks the few blocks that may hold the answer.
//
//   header (52 bytes, with a CRC of its own) | filter: a Bloom filter of the keys | body: events (kept.h), zstd
//
// Why not SQLite: with a row per event and an index of its keys it took 11 us of CPU and 300 bytes per event; this takes 1 us
// and 15 to 30 bytes (doc/results/history.txt). At 4,000 messages a second with seven events each that is a third of
// a core against a thirtieth.
//
// Pure: bytes in, data or an error out.
#pragma once

#include "libcommon/result.h"
#include "logd/kept.h"

#include <span>

namespace postern::logd {

constexpr std::size_t block_events_bytes = 256 * 1024;     // a block is sealed at this size, before compression
constexpr std::size_t max_block_events_bytes = 1024 * 1024;
constexpr std::size_t max_filter_bytes = 64 * 1024;

struct BlockHeader {
    static constexpr std::uint32_t right_magic = 0x42485350;   // "PSHB"
    static constexpr std::size_t bytes = 52;
    std::uint32_t magic = right_magic;
    std::uint32_t filter_size = 0, body_size = 0, events_size = 0, events = 0;
    std::uint64_t serial = 0;                              // counts blocks; the tail knows which it will be
    std::int64_t first_us = 0, last_us = 0;                // times of the oldest and the youngest event
    std::uint32_t crc = 0;                                 // of filter and body
    std::uint32_t header_crc = 0;                          // of what is before it
    static auto fields(auto& m) {
        return std::tie(m.magic, m.filter_size, m.body_size, m.events_size, m.events, m.serial, m.first_us, m.last_us,
                        m.crc, m.header_crc);
    }
    std::size_t block_size() const { return bytes + filter_size + body_size; }
};
static_assert(MaxEncoded<BlockHeader>::value == BlockHeader::bytes);

// A whole block with these events, at most max_block_events_bytes of them.
std::string pack_block(std::uint64_t serial, const Batch& batch);

// The first BlockHeader::bytes of a block; every size in it is within its limit.
Result<BlockHeader> parse_block_header(std::string_view bytes);

bool may_hold(std::string_view filter, KeyHash key);
bool may_hold_any(std::string_view filter, std::span<const KeyHash> keys);

// The events, from what follows the header.
Result<std::string> unpack_block(const BlockHeader& header, std::string_view filter_and_body);

} // namespace postern::logd
