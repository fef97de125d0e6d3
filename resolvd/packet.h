// Queries to bytes, answers to data: the only file that knows ldns, and what it does with a stranger's bytes. Pure.
#pragma once

#include "ipc/dns.h"
#include "libcommon/result.h"

#include <compare>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace postern::dns {

struct Question {
    std::string name;                    // normal_name()
    ipc::DnsType type = ipc::DnsType::a;
    auto operator<=>(const Question&) const = default;
};

constexpr std::size_t max_datagram = 1232;   // RFC 9715 section 3: what no path fragments

struct Query {
    std::string wire;
    std::size_t question_end = 0;        // behind header and question: what an answer has to repeat
};
// What a server is told of DNSSEC.
enum class Want : std::uint8_t {
    anything,        // nothing
    authentic,       // AD: "say whether you validated it" (RFC 6840 section 5.7), without the signatures that DO would bring
    unchecked,       // CD: "do not validate" (RFC 4035 section 3.2.2)
};
Query make_query(const Question& question, std::uint16_t id, std::span<const unsigned char> dice, Want want);

// Is this the answer to that? Nothing else in it is looked at before it is.
enum class Match : std::uint8_t { ours, too_short, no_answer, other_id, other_question, other_case };
std::string_view to_string(Match match);
Match match(const Query& query, std::string_view answer);

struct ResourceRecord {
    std::string owner;
    ipc::DnsType type = ipc::DnsType::a;
    std::uint32_t ttl = 0;
    ipc::DnsRecord data;                 // of a CNAME: where it leads
};
struct Reply {
    unsigned code = 0;                   // RCODE
    bool truncated = false;
    bool authentic = false;              // AD, whoever says so
    bool recursive = false;              // RA
    bool delegates = false;              // NS records in the authority section
    std::vector<ResourceRecord> answer;          // of types we know
    std::optional<std::string> validation_fault; // "signature expired": what the server says DNSSEC found (RFC 8914)
    std::size_t unusable = 0;            // records left out: names that cannot be written, data that is too long
    std::optional<std::uint32_t> denial_ttl;   // how long a "no" may be kept: the SOA's TTL or minimum (RFC 2308 section 5)
};
Result<Reply> read_reply(std::string_view bytes);

std::string code_name(unsigned code);    // "SERVFAIL"; a number where it has no name

} // namespace postern::dns
