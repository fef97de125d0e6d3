// A block of history is read back from a disk that may have lied: whatever the bytes are, sizes stay within their
// limits, and events that come out go in again.
#include "logd/history_block.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace postern::logd;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    if (auto header = parse_block_header(bytes)) {
        if (header->events_size > max_block_events_bytes || header->filter_size > max_filter_bytes) std::abort();
        if (header->block_size() <= size) (void)unpack_block(*header, bytes.substr(BlockHeader::bytes, header->block_size() - BlockHeader::bytes));
    }
    // The same bytes as events: what of them reads is packed, and comes back.
    Batch batch;
    each_kept(bytes, [&](const Kept& kept, std::string_view) { batch.add(kept.source, postern::encode(kept.record), kept.record); });
    const std::string block = pack_block(1, batch);
    const auto header = parse_block_header(block);
    if (!header) std::abort();
    const auto events = unpack_block(*header, std::string_view(block).substr(BlockHeader::bytes));
    if (!events || *events != batch.events) std::abort();
    for (const KeyHash key : batch.keys)
        if (!may_hold(std::string_view(block).substr(BlockHeader::bytes, header->filter_size), key)) std::abort();
    return 0;
}
