#include "resolvd/packet.h"

#include "libcommon/owned.h"
#include "libcommon/text.h"
#include "resolvd/extended_error.h"
#include "resolvd/name.h"

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <new>

#include <ldns/ldns.h>

namespace postern::dns {
namespace {

using Packet = Owned<ldns_pkt, ldns_pkt_free>;

constexpr std::size_t header_size = 12;

// --- reading one record's data: false, it cannot be shown -------------------------------------------------------

std::string_view bytes_of(const ldns_rdf* field) {
    return {reinterpret_cast<const char*>(ldns_rdf_data(field)), ldns_rdf_size(field)};
}

bool read_octets(const ldns_rr* rr, ipc::DnsRecord& into) {
    for (std::size_t i = 0; i < ldns_rr_rd_count(rr); ++i) into.data.value += bytes_of(ldns_rr_rdf(rr, i));
    return true;
}

bool read_name(const ldns_rr* rr, std::size_t field, ipc::DnsRecord& into) {
    if (ldns_rr_rd_count(rr) <= field) return false;
    const auto name = text_name(bytes_of(ldns_rr_rdf(rr, field)));
    if (name) into.data.value = *name;
    return name.has_value();
}

bool read_target(const ldns_rr* rr, ipc::DnsRecord& into) { return read_name(rr, 0, into); }

bool read_exchange(const ldns_rr* rr, ipc::DnsRecord& into) {
    if (!read_name(rr, 1, into)) return false;
    into.preference = ldns_rdf2native_int16(ldns_rr_rdf(rr, 0));
    return true;
}

// RFC 7208 section 3.3, RFC 6376 section 3.6.2.2: the strings of a record are one, without anything between them.
bool read_strings(const ldns_rr* rr, ipc::DnsRecord& into) {
    for (std::size_t i = 0; i < ldns_rr_rd_count(rr); ++i) into.data.value += bytes_of(ldns_rr_rdf(rr, i)).substr(1);
    return true;
}

struct Type {
    ldns_rr_type number;
    bool (*read)(const ldns_rr*, ipc::DnsRecord&);
    std::size_t size = 0;                // its data has this many octets; 0: any
};
// In the order of ipc::DnsType.
constexpr Type types[] = {
    {LDNS_RR_TYPE_A, read_octets, 4},
    {LDNS_RR_TYPE_AAAA, read_octets, 16},
    {LDNS_RR_TYPE_MX, read_exchange},
    {LDNS_RR_TYPE_TXT, read_strings},
    {LDNS_RR_TYPE_PTR, read_target},
    {LDNS_RR_TYPE_TLSA, read_octets},
    {LDNS_RR_TYPE_CNAME, read_target},
};
static_assert(std::size(types) == static_cast<std::size_t>(last_enumerator(ipc::DnsType{})) + 1);

// RFC 2181 section 8: the highest bit set means zero.
std::uint32_t ttl_of(const ldns_rr* rr) {
    const std::uint32_t ttl = ldns_rr_ttl(rr);
    return ttl > INT32_MAX ? 0 : ttl;
}

void read_record(const ldns_rr* rr, Reply& reply) {
    const auto type = std::find_if(std::begin(types), std::end(types), [&](const Type& t) { return t.number == ldns_rr_get_type(rr); });
    if (type == std::end(types) || ldns_rr_get_class(rr) != LDNS_RR_CLASS_IN) return;
    auto owner = text_name(bytes_of(ldns_rr_owner(rr)));
    ResourceRecord record{{}, static_cast<ipc::DnsType>(type - std::begin(types)), ttl_of(rr), {}};
    const bool usable = owner && type->read(rr, record.data) && record.data.data.value.size() <= decltype(record.data.data)::limit &&
                        (type->size == 0 || record.data.data.value.size() == type->size);
    if (!usable) {
        ++reply.unusable;
        return;
    }
    record.owner = std::move(*owner);
    reply.answer.push_back(std::move(record));
}

void read_authority(const ldns_rr* rr, Reply& reply) {
    constexpr std::size_t soa_fields = 7, minimum = 6;
    if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_NS) reply.delegates = true;
    if (ldns_rr_get_type(rr) != LDNS_RR_TYPE_SOA || ldns_rr_rd_count(rr) != soa_fields) return;
    reply.denial_ttl = std::min(ttl_of(rr), ldns_rdf2native_int32(ldns_rr_rdf(rr, minimum)));
}

} // namespace

Query make_query(const Question& question, std::uint16_t id, std::span<const unsigned char> dice, Want want) {
    const std::string name = wire_name(question.name, dice);
    ldns_rdf* owner = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, name.size(), name.data());
    const Packet packet(owner ? ldns_pkt_query_new(owner, types[static_cast<std::size_t>(question.type)].number, LDNS_RR_CLASS_IN, LDNS_RD)
                              : nullptr);                  // owns `owner` from now on
    if (!packet) throw std::bad_alloc();
    ldns_pkt_set_id(packet.get(), id);
    ldns_pkt_set_ad(packet.get(), want == Want::authentic);
    ldns_pkt_set_cd(packet.get(), want == Want::unchecked);
    ldns_pkt_set_edns_udp_size(packet.get(), max_datagram);
    std::uint8_t* bytes = nullptr;
    std::size_t size = 0;
    if (ldns_pkt2wire(&bytes, packet.get(), &size) != LDNS_STATUS_OK) throw std::bad_alloc();
    const Owned<std::uint8_t, std::free> owned(bytes);
    return {std::string(reinterpret_cast<const char*>(bytes), size), header_size + name.size() + 4};
}

std::string_view to_string(Match match) {
    constexpr std::string_view names[] = {"ours", "too short", "not an answer", "another id", "another question", "other letter case"};
    return names[static_cast<std::size_t>(match)];
}

Match match(const Query& query, std::string_view answer) {
    if (answer.size() < header_size) return Match::too_short;
    if (answer.substr(0, 2) != std::string_view(query.wire).substr(0, 2)) return Match::other_id;
    const auto flags = static_cast<unsigned char>(answer[2]);
    if ((flags & 0x80U) == 0 || (flags & 0x78U) != 0) return Match::no_answer;       // QR; an OPCODE other than QUERY
    // A server copies the question: nothing there is compressed, and nothing comes before it.
    const std::size_t size = query.question_end - header_size;
    const std::string_view asked = std::string_view(query.wire).substr(header_size, size);
    if (answer.size() < query.question_end || answer[4] != 0 || answer[5] != 1) return Match::other_question;
    const std::string_view repeated = answer.substr(header_size, size);
    if (repeated == asked) return Match::ours;
    return iequals(repeated, asked) ? Match::other_case : Match::other_question;
}

Result<Reply> read_reply(std::string_view bytes) {
    ldns_pkt* raw = nullptr;
    const ldns_status status = ldns_wire2pkt(&raw, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    const Packet packet(status == LDNS_STATUS_OK ? raw : nullptr);
    if (!packet) return Error(Errc::invalid, ldns_get_errorstr_by_id(status));
    Reply reply;
    reply.code = ldns_pkt_get_rcode(packet.get());
    reply.truncated = ldns_pkt_tc(packet.get());
    reply.authentic = ldns_pkt_ad(packet.get());
    reply.recursive = ldns_pkt_ra(packet.get());
    const ldns_rr_list* answer = ldns_pkt_answer(packet.get());
    for (std::size_t i = 0; i < ldns_rr_list_rr_count(answer); ++i) read_record(ldns_rr_list_rr(answer, i), reply);
    const ldns_rr_list* authority = ldns_pkt_authority(packet.get());
    for (std::size_t i = 0; i < ldns_rr_list_rr_count(authority); ++i) read_authority(ldns_rr_list_rr(authority, i), reply);
    if (const ldns_rdf* options = ldns_pkt_edns_data(packet.get())) reply.validation_fault = validation_fault(bytes_of(options));
    return reply;
}

std::string code_name(unsigned code) {
    const ldns_lookup_table* found = ldns_lookup_by_id(ldns_rcodes, static_cast<int>(code));
    return found ? found->name : "RCODE " + std::to_string(code);
}

} // namespace postern::dns
