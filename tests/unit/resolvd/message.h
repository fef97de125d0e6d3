// Messages of the DNS made by hand, octet for octet, so that a test says what is wrong with them and no encoder is in between.
#pragma once

#include "resolvd/name.h"
#include "resolvd/packet.h"

namespace postern::dns {

inline std::string octets16(unsigned v) { return {static_cast<char>(v >> 8U), static_cast<char>(v & 0xffU)}; }
inline std::string octets32(std::uint32_t v) { return octets16(v >> 16U) + octets16(v & 0xffffU); }

namespace type {
constexpr unsigned a = 1, ns = 2, cname = 5, soa = 6, ptr = 12, mx = 15, txt = 16, aaaa = 28, srv = 33, opt = 41, tlsa = 52;
}

constexpr unsigned answer_flags = 0x8180, servfail = 2, nxdomain = 3;    // QR, RD, RA
constexpr unsigned flag_ad = 0x0020, flag_tc = 0x0200, flag_ra = 0x0080;

inline std::string record(std::string_view owner_wire, unsigned rr_type, std::uint32_t ttl, const std::string& data, unsigned rr_class = 1) {
    return std::string(owner_wire) + octets16(rr_type) + octets16(rr_class) + octets32(ttl) + octets16(static_cast<unsigned>(data.size())) + data;
}
// Of an OPT record: RFC 6891 section 6.1.2.
inline std::string option(unsigned code, const std::string& data) { return octets16(code) + octets16(static_cast<unsigned>(data.size())) + data; }

inline const std::string to_question("\xc0\x0c", 2);       // a pointer to the name asked for

inline std::string soa_data(std::uint32_t minimum) {
    return wire_name("ns.test") + wire_name("host.test") + octets32(1) + octets32(2) + octets32(3) + octets32(4) + octets32(minimum);
}

struct Message {
    unsigned id = 0x1234, flags = answer_flags;
    std::string question = wire_name("example.org") + octets16(type::a) + octets16(1);
    std::vector<std::string> answer, authority, additional;
    unsigned questions = 1;

    std::string bytes() const {
        std::string out = octets16(id) + octets16(flags) + octets16(questions) + octets16(static_cast<unsigned>(answer.size())) +
                          octets16(static_cast<unsigned>(authority.size())) + octets16(static_cast<unsigned>(additional.size())) + question;
        for (const auto* section : {&answer, &authority, &additional})
            for (const std::string& rr : *section) out += rr;
        return out;
    }
};

} // namespace postern::dns
