#include "qmgr/config.h"

namespace postern::qmgr {

Spool::Options spool_options(const Config& config) {
    Spool::Options options;
    options.segment_bytes = round_to_block(config.size("queue.segment_size"));
    options.live_segments = config.size("queue.live_segments");
    options.reserve = config.number("queue.min_free");
    return options;
}

Queue::Options queue_options(const Config& config) {
    Queue::Options options;
    options.owners = static_cast<std::uint32_t>(config.number("processes.imapd"));
    options.max_age = std::chrono::duration_cast<std::chrono::seconds>(config.duration("queue.max_age"));
    options.cache_bytes = config.size("queue.cache_size");
    return options;
}

} // namespace postern::qmgr
