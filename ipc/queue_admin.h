// What an operator does to the queue, by api-local.
#pragma once

#include "ipc/admin.h"
#include "ipc/queue.h"

namespace postern::ipc {

enum class QueueAction : std::uint8_t {
    flush,         // try again now; a destination that is down is probed
    hold,          // nothing happens to it until it is released
    release,
    remove,        // gone, and nobody is told
    bounce,        // given up: its sender is told
    reroute,       // to next_hop, whatever the routes say; empty: as the routes say again
    requeue,       // as if it came now: its address is looked up again, attempts and reroutes are forgotten
};
constexpr QueueAction last_enumerator(QueueAction) { return QueueAction::requeue; }
constexpr std::string_view to_string(QueueAction action) {
    constexpr std::string_view names[] = {"flush", "hold", "release", "delete", "bounce", "reroute", "requeue"};
    return names[static_cast<std::size_t>(action)];
}

struct QueueActed {
    static constexpr auto type = MessageType::queue_acted;
    std::uint64_t messages = 0, recipients = 0;   // that it was done to
    QueueId next;                    // what to ask for as `after`; all zero: all was looked at
    static auto fields(auto& m) { return std::tie(m.messages, m.recipients, m.next); }
};
// A step over at most `limit` messages; the asker goes on from `next`.
struct QueueAct : QueueFilter {
    static constexpr auto type = MessageType::queue_act;
    using Reply = QueueActed;
    Actor actor;
    QueueAction action = QueueAction::flush;
    List<QueueId, 500> ids;          // only these; all when there is none
    Text<300> next_hop;
    QueueId after;
    std::uint32_t limit = 1000;      // to look at
    static auto fields(auto& m) {
        return std::tuple_cat(std::tie(m.actor, m.action, m.ids, m.next_hop, m.after, m.limit), conditions(m));
    }
};

// A piece of a message as it will be sent.
struct QueueContent {
    static constexpr auto type = MessageType::queue_content;
    bool found = false;
    std::uint64_t total = 0;         // bytes of the whole
    Text<512 * 1024> bytes;
    static auto fields(auto& m) { return std::tie(m.found, m.total, m.bytes); }
};
struct QueueRead {
    static constexpr auto type = MessageType::queue_read;
    using Reply = QueueContent;
    QueueId id;
    std::uint64_t from = 0;
    static auto fields(auto& m) { return std::tie(m.id, m.from); }
};

// Another address for one recipient that waits. It is asked about as if it came by SMTP, and must lead to one place.
struct EditRecipient {
    static constexpr auto type = MessageType::edit_recipient;
    using Reply = AdminResult;
    Actor actor;
    QueueId id;
    Address recipient, address;      // as it is shown; as it shall be
    static auto fields(auto& m) { return std::tie(m.actor, m.id, m.recipient, m.address); }
};

// Mail that is held as it comes, until it is released. All that a rule names must hold: patterns as in QueueFilter.
struct HoldRule {
    std::uint64_t number = 0;
    Text<254> sender, recipient, domain;
    Text<200> reason;                // for people
    Text<64> by;                     // who asked
    std::int64_t since = 0;          // seconds since the epoch
    bool operator==(const HoldRule&) const = default;
    static auto fields(auto& m) { return std::tie(m.number, m.sender, m.recipient, m.domain, m.reason, m.by, m.since); }
};
constexpr std::size_t max_hold_rules = 500;

struct HoldRuleListing {
    static constexpr auto type = MessageType::hold_rule_listing;
    List<HoldRule, max_hold_rules> rows;
    static auto fields(auto& m) { return std::tie(m.rows); }
};
struct ListHoldRules {
    static constexpr auto type = MessageType::list_hold_rules;
    using Reply = HoldRuleListing;
    std::uint64_t after = 0;         // by number, page by page
    std::uint32_t limit = 100;
    static auto fields(auto& m) { return std::tie(m.after, m.limit); }
};
struct AddHoldRule {
    static constexpr auto type = MessageType::add_hold_rule;
    using Reply = AdminResult;       // its id is the number
    Actor actor;
    Text<254> sender, recipient, domain;
    Text<200> reason;
    static auto fields(auto& m) { return std::tie(m.actor, m.sender, m.recipient, m.domain, m.reason); }
};
struct RemoveHoldRule {
    static constexpr auto type = MessageType::remove_hold_rule;
    using Reply = AdminResult;
    Actor actor;
    std::uint64_t number = 0;
    static auto fields(auto& m) { return std::tie(m.actor, m.number); }
};

// Next hops of outbound mail that something is known of.
struct DestinationRow {
    Text<300> name;
    Text<16> state;                  // up, down, probing, frozen
    std::uint64_t waiting = 0;       // messages
    std::uint32_t active = 0, window = 0, failures = 0;
    std::int64_t last_failure = 0;   // seconds since the epoch
    std::int64_t paused_until = 0;
    Text<512> reason;
    static auto fields(auto& m) {
        return std::tie(m.name, m.state, m.waiting, m.active, m.window, m.failures, m.last_failure, m.paused_until, m.reason);
    }
};
struct DestinationListing {
    static constexpr auto type = MessageType::destination_listing;
    List<DestinationRow, 500> rows;
    static auto fields(auto& m) { return std::tie(m.rows); }
};
struct ListDestinations {
    static constexpr auto type = MessageType::list_destinations;
    using Reply = DestinationListing;
    Text<300> after;                 // by name, page by page
    std::uint32_t limit = 100;
    static auto fields(auto& m) { return std::tie(m.after, m.limit); }
};
enum class DestinationAction : std::uint8_t { freeze, thaw, probe };
constexpr DestinationAction last_enumerator(DestinationAction) { return DestinationAction::probe; }
constexpr std::string_view to_string(DestinationAction action) {
    constexpr std::string_view names[] = {"freeze", "thaw", "probe"};
    return names[static_cast<std::size_t>(action)];
}
struct SetDestination {
    static constexpr auto type = MessageType::set_destination;
    using Reply = AdminResult;
    Actor actor;
    Text<300> name;
    DestinationAction action = DestinationAction::probe;
    static auto fields(auto& m) { return std::tie(m.actor, m.name, m.action); }
};

// Recipients that wait, by state and by last error, the most frequent first.
struct QueueCount {
    Text<512> what;
    std::uint64_t recipients = 0;
    static auto fields(auto& m) { return std::tie(m.what, m.recipients); }
};
struct QueueStatistics {
    static constexpr auto type = MessageType::queue_statistics;
    std::uint64_t messages = 0;
    List<QueueCount, 16> states;
    List<QueueCount, 100> errors;
    static auto fields(auto& m) { return std::tie(m.messages, m.states, m.errors); }
};
struct QueueStats {
    static constexpr auto type = MessageType::queue_stats;
    using Reply = QueueStatistics;
    static auto fields(auto&) { return std::tuple<>(); }
};

} // namespace postern::ipc
