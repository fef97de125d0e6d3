#include "delivery/smtp/capabilities.h"

#include "libcommon/text.h"

namespace postern::smtp_out {
namespace {

using Words = std::vector<std::string_view>;

void take_size(Capabilities& offered, const Words& words) {
    offered.size = true;
    if (words.size() > 1) offered.max_size = parse_number(words[1]).value_or(0);
}

void take_auth(Capabilities& offered, const Words& words) {
    for (const std::string_view mechanism : words) {
        offered.auth_plain = offered.auth_plain || iequals(mechanism, "PLAIN");
        offered.auth_login = offered.auth_login || iequals(mechanism, "LOGIN");
    }
}

struct Keyword {
    std::string_view name;
    bool Capabilities::*flag;
    void (*take)(Capabilities&, const Words&) = nullptr;
};
constexpr Keyword keywords[] = {
    {"STARTTLS", &Capabilities::starttls},     {"PIPELINING", &Capabilities::pipelining},
    {"CHUNKING", &Capabilities::chunking},     {"BINARYMIME", &Capabilities::binarymime},
    {"8BITMIME", &Capabilities::eight_bit},    {"SMTPUTF8", &Capabilities::smtputf8},
    {"DSN", &Capabilities::dsn},               {"REQUIRETLS", &Capabilities::require_tls},
    {"SIZE", nullptr, take_size},              {"AUTH", nullptr, take_auth},
};

} // namespace

Capabilities parse_capabilities(const mail::SmtpReply& ehlo) {
    Capabilities offered;
    for (std::size_t i = 1; i < ehlo.lines.size(); ++i) {      // the first line is the host's name and a greeting
        const Words words = split(trim(ehlo.lines[i]), ' ');
        for (const Keyword& keyword : keywords) {
            if (!iequals(words.front(), keyword.name)) continue;
            if (keyword.flag) offered.*keyword.flag = true;
            if (keyword.take) keyword.take(offered, words);
        }
    }
    // RFC 3030 section 3: what is binary goes by BDAT only.
    offered.binarymime = offered.binarymime && offered.chunking;
    return offered;
}

} // namespace postern::smtp_out
