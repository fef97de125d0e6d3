#include "qmgr/config.h"

#include "libcommon/text.h"

namespace postern::qmgr {

Spool::Options spool_options(const Config& config) {
    Spool::Options options;
    options.segment_bytes = round_to_block(config.size("queue.segment_size"));
    options.live_segments = config.size("queue.live_segments");
    options.reserve = config.number("queue.min_free");
    return options;
}

namespace {

std::chrono::seconds seconds(const Config& config, std::string_view key) {
    return std::chrono::duration_cast<std::chrono::seconds>(config.duration(key));
}

std::uint32_t count(const Config& config, std::string_view key) { return static_cast<std::uint32_t>(config.number(key)); }

RetryPolicy retry_policy(const Config& config) {
    RetryPolicy policy;
    policy.delays.clear();
    for (const std::string& delay : config.list("queue.retry_delays"))
        policy.delays.push_back(std::chrono::duration_cast<std::chrono::seconds>(std::chrono::milliseconds(parse_number(delay).value_or(0))));
    policy.max_attempts = count(config, "queue.max_attempts");
    policy.max_age = seconds(config, "queue.max_age");
    policy.jitter = count(config, "queue.retry_jitter");
    return policy;
}

} // namespace

Queue::Options queue_options(const Config& config) {
    Queue::Options options;
    options.owners = count(config, "processes.imapd");
    options.cache_bytes = config.size("queue.cache_size");
    options.destinations.first_window = count(config, "outbound.first_concurrency");
    options.destinations.first_pause = config.duration("outbound.first_pause");
    options.destinations.longest_pause = config.duration("outbound.longest_pause");
    options.routes.destinations = config.list("outbound.destinations");
    options.routes.senders = config.list("outbound.sender_routes");
    options.routes.limits = {count(config, "outbound.concurrency"), config.rate("outbound.rate")};
    options.routes.retry = retry_policy(config);
    options.recipients_at_once = count(config, "outbound.recipients_at_once");
    options.bulk_recipients = count(config, "queue.bulk_recipients");
    options.delay_warning = seconds(config, "queue.delay_warning");
    options.hostname = config.text("server.hostname");
    return options;
}

} // namespace postern::qmgr
