// Everything that needs DNS asks resolvd, one name and type at a time.
#pragma once

#include "ipc/message_type.h"
#include "libcommon/ids.h"

namespace postern::ipc {

enum class DnsType : std::uint8_t { a, aaaa, mx, txt, ptr, tlsa, cname };
constexpr DnsType last_enumerator(DnsType) { return DnsType::cname; }
constexpr std::string_view to_string(DnsType type) {
    constexpr std::string_view names[] = {"A", "AAAA", "MX", "TXT", "PTR", "TLSA", "CNAME"};
    return names[static_cast<std::size_t>(type)];
}

enum class DnsStatus : std::uint8_t {
    found,          // the records are there
    no_data,        // the name exists, with no record of this type
    no_name,        // NXDOMAIN
    bad_name,       // no name: over 253 octets, a label over 63 or empty
    failed,         // SERVFAIL, refused, a chain of CNAMEs too long: temporary for who asks
    timed_out,      // temporary, too
    bogus,          // somebody answers, and it is not what the zone signed: temporary, and not to be got around
};
constexpr DnsStatus last_enumerator(DnsStatus) { return DnsStatus::bogus; }
// Nothing is known of what was asked: neither that it is there nor that it is not.
constexpr bool is_temporary(DnsStatus status) {
    return status == DnsStatus::failed || status == DnsStatus::timed_out || status == DnsStatus::bogus;
}
constexpr std::string_view to_string(DnsStatus status) {
    constexpr std::string_view names[] = {"found", "no-data", "no-name", "bad-name", "failed", "timed-out", "bogus"};
    return names[static_cast<std::size_t>(status)];
}

using DnsName = Text<253>;           // without the last dot, lower case; empty: the root

struct DnsRecord {
    std::uint16_t preference = 0;    // of an MX
    // a: 4 octets, aaaa: 16; mx, ptr, cname: a name as in DnsName; txt: the strings joined; tlsa: the record's octets
    Text<4096> data;
    static auto fields(auto& m) { return std::tie(m.preference, m.data); }
};
struct DnsAnswer {
    static constexpr auto type = MessageType::dns_answer;
    DnsStatus status = DnsStatus::failed;
    bool authentic = false;          // the whole answer, CNAMEs and denials included: DNSSEC by a resolver we trust
    std::uint32_t ttl = 0;           // seconds it may be kept
    DnsName canonical;               // where the CNAMEs led; the name asked for without any
    List<DnsRecord, 256> records;    // as they came: the order means nothing
    Text<256> reason;                // for logs, when there is no answer: "SERVFAIL from 127.0.0.1"
    Text<64> source;                 // who said so, for people: "127.0.0.1:53", "hosts"; empty: nobody had to be asked
    bool cached = false;             // it was known already
    static auto fields(auto& m) { return std::tie(m.status, m.authentic, m.ttl, m.canonical, m.records, m.reason); }
    static auto added(auto& m) { return std::tie(m.source, m.cached); }
};
struct DnsQuery {
    static constexpr auto type = MessageType::dns_query;
    using Reply = DnsAnswer;
    Text<1024> name;                 // as it was found, in A-labels; too long is answered bad_name
    DnsType record = DnsType::a;
    static auto fields(auto& m) { return std::tie(m.name, m.record); }
};

// api-local has answers forgotten: of one name, or all.
struct DnsFlushed {
    static constexpr auto type = MessageType::dns_flushed;
    std::uint32_t answers = 0;
    static auto fields(auto& m) { return std::tie(m.answers); }
};
struct DnsFlush {
    static constexpr auto type = MessageType::dns_flush;
    using Reply = DnsFlushed;
    std::optional<Text<1024>> name;
    static auto fields(auto& m) { return std::tie(m.name); }
};

} // namespace postern::ipc
