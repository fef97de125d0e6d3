// Addresses at other hosts that refuse mail for good: smtp-out and local tell policyd of them, smtp-out asks which are not written to
// any more, and api-local shows and changes the list.
#pragma once

#include "ipc/admin.h"
#include "ipc/queue.h"

namespace postern::ipc {

using StatusCode = Text<16>;         // RFC 3463: "5.1.1"

// That the address is the reason (RFC 3463 sections 3.2 and 3.3): it does not exist, is none, has moved, or takes no mail. A reply
// without such a code may mean anything.
constexpr bool is_refused_address(std::string_view code) {
    for (const std::string_view bad : {"5.1.1", "5.1.3", "5.1.6", "5.2.1"})
        if (code == bad) return true;
    return false;
}

// What became of a message at one address elsewhere.
struct AddressNote {
    QueueId id;
    Address address;
    bool refused = false;            // as an address; else the message was taken
    StatusCode code;                 // of a refusal, as what follows
    Text<255> host;
    Text<200> reply;
    static auto fields(auto& m) { return std::tie(m.id, m.address, m.refused, m.code, m.host, m.reply); }
};
// smtp-out: what a host said to us. local: what a report says that came back; it is believed of a message that went there. No answer.
struct NoteAddresses {
    static constexpr auto type = MessageType::note_addresses;
    List<AddressNote, 500> notes;
    static auto fields(auto& m) { return std::tie(m.notes); }
};

// smtp-out -> policyd, before a message goes out.
struct SuppressedAddress {
    std::uint32_t index = 0;         // of CheckAddresses::addresses
    StatusCode code;                 // with a reason for the report to the sender
    Text<400> reason;
    static auto fields(auto& m) { return std::tie(m.index, m.code, m.reason); }
};
struct AddressVerdicts {
    static constexpr auto type = MessageType::address_verdicts;
    List<SuppressedAddress, max_recipients> suppressed;
    static auto fields(auto& m) { return std::tie(m.suppressed); }
};
struct CheckAddresses {
    static constexpr auto type = MessageType::check_addresses;
    using Reply = AddressVerdicts;
    List<Address, max_recipients> addresses;
    static auto fields(auto& m) { return std::tie(m.addresses); }
};

// An address that refused mail, or that an operator wants no mail sent to.
struct SuppressionRow {
    Address address;
    std::uint32_t refusals = 0;      // messages in a row
    std::int64_t first = 0, last = 0;            // of them; seconds since the epoch
    std::int64_t until = 0;          // no mail is sent there before; 0: it is only watched
    StatusCode code;                 // of the last refusal, as host and reply
    Text<255> host;
    Text<200> reply;                 // or the operator's reason
    Text<64> by;                     // who suppressed it; empty: its refusals did
    static auto fields(auto& m) {
        return std::tie(m.address, m.refusals, m.first, m.last, m.until, m.code, m.host, m.reply, m.by);
    }
};
struct SuppressionListing {
    static constexpr auto type = MessageType::suppression_listing;
    List<SuppressionRow, max_page> rows;
    static auto fields(auto& m) { return std::tie(m.rows); }
};
struct ListSuppressions {
    static constexpr auto type = MessageType::list_suppressions;
    using Reply = SuppressionListing;
    Address after;                   // in the order of addresses, page by page; empty to begin
    std::uint32_t limit = 100;
    static auto fields(auto& m) { return std::tie(m.after, m.limit); }
};
struct AddSuppression {
    static constexpr auto type = MessageType::add_suppression;
    using Reply = AdminResult;
    Actor actor;
    Address address;
    std::uint64_t duration = 0;      // seconds; 0: as long as outbound.suppress_time says
    Text<200> reason;
    static auto fields(auto& m) { return std::tie(m.actor, m.address, m.duration, m.reason); }
};
struct RemoveSuppression {
    static constexpr auto type = MessageType::remove_suppression;
    using Reply = AdminResult;       // not_found: nothing was known of it
    Actor actor;
    Address address;
    static auto fields(auto& m) { return std::tie(m.actor, m.address); }
};

} // namespace postern::ipc
