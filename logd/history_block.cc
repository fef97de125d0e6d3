#include "logd/history_block.h"

#include "libcommon/crc32c.h"

#include <algorithm>
#include <zstd.h>

namespace postern::logd {
namespace {

constexpr int compression_level = 1;                       // 3 saves a tenth of the size for twice the time
constexpr unsigned bits_per_key = 10, probes = 7;          // one block in a hundred is unpacked in vain

// Kirsch and Mitzenmacher: two hashes stand for all probes.
template <class F> bool all_probes(KeyHash key, std::uint64_t bits, F probe) {
    const std::uint64_t step = (key >> 33) | 1;
    for (unsigned i = 0; i < probes; ++i, key += step)
        if (!probe(key % bits)) return false;
    return true;
}

std::string make_filter(std::vector<KeyHash> keys) {
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    std::string filter(std::min(keys.size() * bits_per_key / 8 + 8, max_filter_bytes), '\0');
    for (const KeyHash key : keys)
        all_probes(key, filter.size() * 8, [&](std::uint64_t bit) {
            filter[bit / 8] = static_cast<char>(static_cast<unsigned char>(filter[bit / 8]) | 1U << bit % 8);
            return true;
        });
    return filter;
}

std::uint32_t header_crc(const BlockHeader& header) {
    const std::string bytes = encode(header);
    return crc32c(std::string_view(bytes).substr(0, bytes.size() - sizeof header.header_crc));
}

} // namespace

std::string pack_block(std::uint64_t serial, const Batch& batch) {
    BlockHeader header;
    header.serial = serial;
    header.events_size = static_cast<std::uint32_t>(batch.events.size());
    header.events = batch.count;
    header.first_us = batch.first_us;
    header.last_us = batch.last_us;
    std::string rest = make_filter(batch.keys);
    header.filter_size = static_cast<std::uint32_t>(rest.size());
    rest.resize(header.filter_size + ZSTD_compressBound(batch.events.size()));
    // The room is what zstd asks for: it cannot fail but for memory, and then the block has no body and reads as damaged.
    const std::size_t packed = ZSTD_compress(rest.data() + header.filter_size, rest.size() - header.filter_size,
                                             batch.events.data(), batch.events.size(), compression_level);
    header.body_size = ZSTD_isError(packed) ? 0 : static_cast<std::uint32_t>(packed);
    rest.resize(header.filter_size + header.body_size);
    header.crc = crc32c(rest);
    header.header_crc = header_crc(header);
    return encode(header) + rest;
}

Result<BlockHeader> parse_block_header(std::string_view bytes) {
    const Error damaged(Errc::corrupt, "not the header of a block");
    BlockHeader header;
    if (bytes.size() < BlockHeader::bytes || !Reader(bytes).get(header)) return damaged;
    if (header.magic != BlockHeader::right_magic || header.header_crc != header_crc(header)) return damaged;
    if (header.filter_size == 0 || header.filter_size > max_filter_bytes || header.events_size > max_block_events_bytes ||
        header.body_size > ZSTD_compressBound(max_block_events_bytes))
        return damaged;
    return header;
}

bool may_hold(std::string_view filter, KeyHash key) {
    return !filter.empty() && all_probes(key, filter.size() * 8, [&](std::uint64_t bit) {
        return (static_cast<unsigned char>(filter[bit / 8]) >> bit % 8 & 1U) != 0;
    });
}

bool may_hold_any(std::string_view filter, std::span<const KeyHash> keys) {
    return std::any_of(keys.begin(), keys.end(), [&](KeyHash key) { return may_hold(filter, key); });
}

Result<std::string> unpack_block(const BlockHeader& header, std::string_view filter_and_body) {
    const Error damaged(Errc::corrupt, "a damaged block");
    if (filter_and_body.size() != std::size_t{header.filter_size} + header.body_size || crc32c(filter_and_body) != header.crc)
        return damaged;
    const std::string_view body = filter_and_body.substr(header.filter_size);
    std::string events(header.events_size, '\0');          // bounded by parse_block_header(), whatever the frame says
    const std::size_t size = ZSTD_decompress(events.data(), events.size(), body.data(), body.size());
    if (ZSTD_isError(size) || size != events.size()) return damaged;
    return events;
}

} // namespace postern::logd
