#include "libcommon/proxy_header.h"

#include "libcommon/crc32c.h"
#include "libcommon/text.h"

#include <algorithm>
#include <string>

namespace postern {
namespace {

using State = ProxyParse::State;
using namespace std::string_view_literals;

ProxyParse malformed(std::string_view why) { return {State::malformed, 0, {}, why}; }
constexpr ProxyParse incomplete{State::incomplete, 0, {}, {}};

// As far as both go.
bool agree(std::string_view a, std::string_view b) {
    const std::size_t size = std::min(a.size(), b.size());
    return a.substr(0, size) == b.substr(0, size);
}

// ---- version 1: a line for people, section 2.1

constexpr std::string_view v1_start = "PROXY ";
constexpr std::size_t v1_longest = 107;

std::optional<std::uint16_t> v1_port(std::string_view text) {
    const auto port = text.size() > 1 && text.front() == '0' ? std::nullopt : parse_number(text, 65535);
    return port ? std::optional(static_cast<std::uint16_t>(*port)) : std::nullopt;
}

std::optional<IpAddress> v1_address(std::string_view text, bool v6) {
    if ((text.find(':') != std::string_view::npos) != v6) return std::nullopt;
    return IpAddress::parse(text);
}

ProxyParse parse_v1(std::string_view bytes) {
    const auto end = bytes.substr(0, v1_longest).find('\n');
    if (end == std::string_view::npos) return bytes.size() < v1_longest ? incomplete : malformed("the line is too long");
    if (bytes[end - 1] != '\r') return malformed("the line does not end with CRLF");
    const auto words = split(bytes.substr(v1_start.size(), end - 1 - v1_start.size()), ' ');
    const ProxyParse unknown{State::complete, end + 1, {}, {}};
    if (!words.empty() && words[0] == "UNKNOWN") return unknown;           // whatever else it says is not to be read
    if (words.size() != 5 || (words[0] != "TCP4" && words[0] != "TCP6")) return malformed("no protocol, two addresses and two ports");
    const bool v6 = words[0] == "TCP6";
    const auto client = v1_address(words[1], v6), server = v1_address(words[2], v6);
    const auto client_port = v1_port(words[3]), server_port = v1_port(words[4]);
    if (!client || !server || !client_port || !server_port) return malformed("an address or a port that is none");
    return {State::complete, end + 1, {client, *client_port, server}, {}};
}

// ---- version 2: binary, section 2.2

constexpr std::string_view v2_signature = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::size_t v2_fixed = 16;

std::size_t number_at(std::string_view bytes, std::size_t at) {
    return static_cast<std::size_t>(static_cast<std::uint8_t>(bytes[at])) << 8 | static_cast<std::uint8_t>(bytes[at + 1]);
}

// Protocol and length of the two addresses and ports, per family byte.
struct Family {
    std::uint8_t byte;
    std::size_t address;                 // of one; 0: not an Internet address
    std::size_t block;                   // before the TLVs
};
constexpr Family families[] = {
    {0x00, 0, 0},                        // UNSPEC
    {0x11, 4, 12},                       // TCP over IPv4
    {0x21, 16, 36},                      // TCP over IPv6
    {0x31, 0, 216},                      // a Unix stream
};

// Section 2.2.3: who finds this checksum must verify it, with its own place taken for zero.
constexpr char type_crc32c = 0x03;
bool checksum_is_right(std::string_view header, std::size_t value_at) {
    std::string zeroed(header);
    std::fill_n(zeroed.begin() + static_cast<std::ptrdiff_t>(value_at), 4, '\0');
    const std::uint32_t sum = crc32c(zeroed);
    for (std::size_t i = 0; i < 4; ++i)
        if (static_cast<std::uint8_t>(header[value_at + i]) != static_cast<std::uint8_t>(sum >> (24 - 8 * i))) return false;
    return true;
}

// Section 2.2: type, length, value, until exactly the end. Nothing of them but the checksum is ours to use.
std::string_view fault_of_tlvs(std::string_view header, std::size_t at) {
    while (at < header.size()) {
        if (header.size() - at < 3) return "a TLV that is cut off";
        const std::size_t length = number_at(header, at + 1);
        if (header.size() - at - 3 < length) return "a TLV longer than the header";
        if (header[at] == type_crc32c && (length != 4 || !checksum_is_right(header, at + 3))) return "the checksum is wrong";
        at += 3 + length;
    }
    return {};
}

ProxyParse parse_v2(std::string_view bytes) {
    if (bytes.size() < v2_fixed) return incomplete;
    const std::size_t length = v2_fixed + number_at(bytes, 14);
    if (length > max_proxy_header) return malformed("longer than any proxy needs");
    const char command = bytes[12];
    if (command != 0x20 && command != 0x21) return malformed("neither LOCAL nor PROXY of version 2");
    const auto family = std::find_if(std::begin(families), std::end(families), [&](const Family& f) {
        return f.byte == static_cast<std::uint8_t>(bytes[13]);
    });
    const bool local = command == 0x20;  // its family and addresses are not to be read
    if (!local && family == std::end(families)) return malformed("a protocol that is no stream");
    if (!local && length < v2_fixed + family->block) return malformed("shorter than its addresses");
    if (bytes.size() < length) return incomplete;
    ProxyParse parsed{State::complete, length, {}, {}};
    if (local) return parsed;
    if (const auto fault = fault_of_tlvs(bytes.substr(0, length), v2_fixed + family->block); !fault.empty()) return malformed(fault);
    parsed.header.client = IpAddress::of_bytes(bytes.substr(v2_fixed, family->address));
    if (!parsed.header.client) return parsed;
    parsed.header.server = IpAddress::of_bytes(bytes.substr(v2_fixed + family->address, family->address));
    parsed.header.client_port = static_cast<std::uint16_t>(number_at(bytes, v2_fixed + 2 * family->address));
    return parsed;
}

} // namespace

ProxyParse parse_proxy_header(std::string_view bytes) {
    if (agree(bytes, v2_signature)) return bytes.size() < v2_signature.size() ? incomplete : parse_v2(bytes);
    if (agree(bytes, v1_start)) return bytes.size() < v1_start.size() ? incomplete : parse_v1(bytes);
    return malformed("no PROXY header");
}

} // namespace postern
