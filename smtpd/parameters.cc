#include "smtpd/parameters.h"

#include "libcommon/text.h"

#include <algorithm>
#include <iterator>

namespace postern::smtpd {
namespace {

constexpr Reply bad_value{501, "5.5.4", "Parameter value is not valid:"};
constexpr Reply repeated{501, "5.5.4", "Parameter given twice:"};
constexpr Reply touching{501, "5.5.4", "Syntax: no text may touch the address"};

template <class C> struct Parameter {
    std::string_view keyword;
    bool (*apply)(C& command, std::optional<std::string_view> value);
};

// RFC 3461 section 4: printable ASCII but "+" and "=", and "+XX" for the rest, in upper-case hex.
bool is_xtext(std::string_view text) {
    const auto is_upper_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); };
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+') {
            if (i + 2 >= text.size() || !is_upper_hex(text[i + 1]) || !is_upper_hex(text[i + 2])) return false;
            i += 2;
        } else if (text[i] < '!' || text[i] > '~' || text[i] == '=') {
            return false;
        }
    }
    return !text.empty();
}

constexpr Parameter<MailFrom> mail_parameters[] = {
    {"SIZE", [](MailFrom& command, std::optional<std::string_view> value) {      // RFC 1870 section 6.1: up to 20 digits
         const auto size = value && value->size() <= 20 ? parse_number(*value) : std::nullopt;
         command.size = size.value_or(0);
         return size.has_value();
     }},
    {"BODY", [](MailFrom& command, std::optional<std::string_view> value) {      // RFC 6152, RFC 3030
         if (!value) return false;
         if (iequals(*value, "8BITMIME")) command.body = ipc::BodyKind::eight_bit;
         else if (iequals(*value, "BINARYMIME")) command.body = ipc::BodyKind::binary;
         return command.body != ipc::BodyKind::seven_bit || iequals(*value, "7BIT");
     }},
    {"SMTPUTF8", [](MailFrom& command, std::optional<std::string_view> value) {  // RFC 6531 section 3.4
         command.smtputf8 = true;
         return !value;
     }},
    // RFC 4954 section 5: who the client says submitted it first. We trust nobody's word for that, and nothing of
    // it gets further than this line.
    {"AUTH", [](MailFrom&, std::optional<std::string_view> value) { return value && is_xtext(*value); }},
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

} // namespace postern::smtpd
