#include "smtpd/xclient.h"

#include "libcommon/text.h"
#include "libmail/chars.h"
#include "smtpd/xtext.h"

#include <algorithm>
#include <iterator>

namespace postern::smtpd {
namespace {

constexpr Reply bad_attribute{501, "5.5.4", "Bad XCLIENT attribute:"};

struct Attribute {
    std::string_view name;
    bool (*apply)(Xclient& command, std::string&& value);    // false: not valid
};

bool take_address(std::string& out, std::string_view value) {
    constexpr std::string_view v6 = "IPV6:";
    const bool tagged = istarts_with(value, v6);
    if (tagged) value.remove_prefix(v6.size());
    const auto address = IpAddress::parse(value);
    if (!address || tagged != (value.find(':') != std::string_view::npos)) return false;
    out = address->text();
    return true;
}

bool take_port(std::uint16_t& out, std::string_view value) {
    const auto port = parse_number(value, 65535);
    out = static_cast<std::uint16_t>(port.value_or(0));
    return port.has_value();
}

// Into events only: a name of at most 255 characters without blanks.
bool take_name(std::string& out, std::string&& value) {
    out = std::move(value);
    return out.size() <= 255 && out.find(' ') == std::string::npos;
}

constexpr Attribute attributes[] = {
    {"NAME", [](Xclient& c, std::string&& value) { return take_name(c.name, std::move(value)); }},
    {"ADDR", [](Xclient& c, std::string&& value) { return take_address(c.address, value); }},
    {"PORT", [](Xclient& c, std::string&& value) { return take_port(c.port, value); }},
    {"PROTO", [](Xclient& c, std::string&& value) {
         c.protocol = ascii_upper(value);
         return c.protocol == "SMTP" || c.protocol == "ESMTP";
     }},
    {"HELO", [](Xclient& c, std::string&& value) { return take_name(c.helo, std::move(value)); }},
    {"DESTADDR", [](Xclient& c, std::string&& value) { return take_address(c.destination, value); }},
    {"DESTPORT", [](Xclient& c, std::string&& value) { return take_port(c.destination_port, value); }},
};

bool is_unavailable(std::string_view value) { return iequals(value, "[UNAVAILABLE]") || iequals(value, "[TEMPUNAVAIL]"); }

bool is_graphic(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return mail::is_printable(c); });
}

} // namespace

std::string xclient_attributes() {
    std::string line = "XCLIENT";
    for (const Attribute& row : attributes) line.append(" ").append(row.name);
    return line;
}

Parsed parse_xclient(std::string_view line, std::size_t at) {
    Xclient command;
    bool seen[std::size(attributes)] = {};
    if (at == line.size()) return BadSyntax{bad_attribute, at, "none"};
    for (const std::string_view word : split(line.substr(at), ' ')) {
        const auto equals = word.find('=');
        const std::string_view name = word.substr(0, equals);
        const auto row = std::find_if(std::begin(attributes), std::end(attributes), [&](const Attribute& a) { return iequals(a.name, name); });
        if (equals == std::string_view::npos || row == std::end(attributes)) return BadSyntax{bad_attribute, at, std::string(name)};
        bool& already = seen[row - std::begin(attributes)];
        auto value = from_xtext(word.substr(equals + 1));
        if (std::exchange(already, true) || !value || !is_graphic(*value) || (!is_unavailable(*value) && !row->apply(command, std::move(*value))))
            return BadSyntax{bad_attribute, at, std::string(row->name)};
        at += word.size() + 1;
    }
    return command;
}

} // namespace postern::smtpd
