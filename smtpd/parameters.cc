#include "smtpd/parameters.h"

#include "libcommon/text.h"
#include "libmail/chars.h"
#include "smtpd/timestamp.h"
#include "smtpd/xtext.h"

#include <algorithm>
#include <iterator>

namespace postern::smtpd {
namespace {

constexpr Reply bad_value{501, "5.5.4", "Parameter value is not valid:"};
constexpr Reply repeated{501, "5.5.4", "Parameter given twice:"};
constexpr Reply touching{501, "5.5.4", "Syntax: no text may touch the address"};

template <class C> struct Parameter {
    std::string_view keyword;
    bool (*apply)(C& command, const std::optional<std::string_view>& value);   // false: not valid
};

using Value = std::optional<std::string_view>;

// What may stand in a header line of a report.
bool is_graphic(std::string_view text, bool utf8 = false) {
    const auto good = [&](char c) { return mail::is_printable(c) || (utf8 && mail::is_eight_bit(c)); };
    return std::all_of(text.begin(), text.end(), good) && is_utf8(text);
}

bool set_once(bool& flag, const Value& value) {
    flag = true;
    return !value;
}

// RFC 3461 section 4.1: NEVER alone, or any of the others, each once.
bool set_notify(std::uint8_t& out, std::string_view list) {
    constexpr std::pair<std::string_view, std::uint8_t> words[] = {
        {"NEVER", ipc::notify::never}, {"SUCCESS", ipc::notify::success},
        {"FAILURE", ipc::notify::failure}, {"DELAY", ipc::notify::delay}};
    for (const std::string_view item : split(list, ',')) {
        const auto word = std::find_if(std::begin(words), std::end(words), [&](const auto& w) { return iequals(w.first, item); });
        if (word == std::end(words) || (out & word->second)) return false;
        out |= word->second;
    }
    return !(out & ipc::notify::never) || out == ipc::notify::never;
}

// RFC 3461 section 4.2: a type, and an address of whatever form that type has, printable; RFC 6533 section 3 lets
// the address of type "utf-8" hold more. Postfix writes such an address in hexadecimal behind "rfc822": what it means is plain, and
// a 501 would bounce the message.
bool set_original(std::string& out, std::string_view value) {
    const auto semicolon = value.find(';');
    const std::string_view type = value.substr(0, semicolon);
    if (semicolon == std::string_view::npos || type.empty() || !std::all_of(type.begin(), type.end(), mail::is_atext)) return false;
    const bool utf8 = iequals(type, "utf-8"), internet = utf8 || iequals(type, "rfc822");
    const auto address = from_xtext(value.substr(semicolon + 1), utf8);
    if (!address || !is_graphic(*address, internet)) return false;
    const bool more = internet && std::any_of(address->begin(), address->end(), mail::is_eight_bit);
    out = (more ? "utf-8" : std::string(type)) + ";" + *address;
    return out.size() <= ipc::OriginalRecipient::limit;
}

constexpr Parameter<MailFrom> mail_parameters[] = {
    {"SIZE", [](MailFrom& command, const Value& value) {      // RFC 1870 section 6.1: up to 20 digits
         const auto size = value && value->size() <= 20 ? parse_number(*value) : std::nullopt;
         command.size = size.value_or(0);
         return size.has_value();
     }},
    {"BODY", [](MailFrom& command, const Value& value) {      // RFC 6152, RFC 3030
         if (!value) return false;
         if (iequals(*value, "8BITMIME")) command.body = ipc::BodyKind::eight_bit;
         else if (iequals(*value, "BINARYMIME")) command.body = ipc::BodyKind::binary;
         return command.body != ipc::BodyKind::seven_bit || iequals(*value, "7BIT");
     }},
    {"SMTPUTF8", [](MailFrom& command, const Value& value) { return set_once(command.smtputf8, value); }},        // RFC 6531
    {"REQUIRETLS", [](MailFrom& command, const Value& value) { return set_once(command.require_tls, value); }},   // RFC 8689
    {"RET", [](MailFrom& command, const Value& value) {               // RFC 3461 section 4.3
         if (!value) return false;
         if (iequals(*value, "FULL")) command.ret = ipc::DsnReturn::full;
         else if (iequals(*value, "HDRS")) command.ret = ipc::DsnReturn::headers;
         return command.ret != ipc::DsnReturn::unsaid;
     }},
    {"ENVID", [](MailFrom& command, const Value& value) {             // RFC 3461 section 4.4
         command.envelope_id = value ? from_xtext(*value).value_or("") : "";
         return !command.envelope_id.empty() && is_graphic(command.envelope_id) &&
                command.envelope_id.size() <= ipc::EnvelopeId::limit;
     }},
    {"HOLDFOR", [](MailFrom& command, const Value& value) {           // RFC 4865 section 4, up to 9 digits; one of the two
         const auto seconds = value && value->size() <= 9 ? parse_number(*value) : std::nullopt;
         command.hold_for = seconds ? std::optional(static_cast<std::int64_t>(*seconds)) : std::nullopt;
         return command.hold_for && !command.hold_until;
     }},
    {"HOLDUNTIL", [](MailFrom& command, const Value& value) {
         command.hold_until = value ? parse_timestamp(*value) : std::nullopt;
         return command.hold_until && !command.hold_for;
     }},
    // RFC 4954 section 5: who the client says submitted it first. We trust nobody's word for that, and nothing of
    // it gets further than this line.
    {"AUTH", [](MailFrom&, const Value& value) { return value && from_xtext(*value); }},
};

constexpr Parameter<RcptTo> rcpt_parameters[] = {
    {"NOTIFY", [](RcptTo& command, const Value& value) { return value && set_notify(command.notify, *value); }},
    {"ORCPT", [](RcptTo& command, const Value& value) { return value && set_original(command.original, *value); }},
};

template <class C, std::size_t N>
std::optional<BadSyntax> parse(const Parameter<C> (&parameters)[N], C& command, std::string_view line, std::size_t at) {
    bool seen[N] = {};
    while (at < line.size()) {
        if (line[at] != ' ' && line[at] != '\t') return BadSyntax{touching, at, {}};
        at = std::min(line.find_first_not_of(" \t", at), line.size());
        const std::string_view word = line.substr(at, line.find(' ', at) - at);
        const auto equals = word.find('=');
        const auto value = equals == std::string_view::npos ? std::nullopt : std::optional(word.substr(equals + 1));
        const auto row = std::find_if(std::begin(parameters), std::end(parameters), [&](const Parameter<C>& p) {
            return iequals(p.keyword, word.substr(0, equals));
        });
        if (row == std::end(parameters)) return BadSyntax{replies::unknown_parameter, at, {}};
        bool& already = seen[static_cast<std::size_t>(row - std::begin(parameters))];
        if (already) return BadSyntax{repeated, at, std::string(row->keyword)};
        already = true;
        if (!row->apply(command, value)) return BadSyntax{bad_value, at, std::string(row->keyword)};
        at += word.size();
    }
    return std::nullopt;
}

} // namespace

std::optional<BadSyntax> parse_parameters(MailFrom& command, std::string_view line, std::size_t at) {
    return parse(mail_parameters, command, line, at);
}

std::optional<BadSyntax> parse_parameters(RcptTo& command, std::string_view line, std::size_t at) {
    return parse(rcpt_parameters, command, line, at);
}

} // namespace postern::smtpd
