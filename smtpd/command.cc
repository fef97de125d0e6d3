#include "smtpd/command.h"

#include "libcommon/text.h"
#include "libmail/chars.h"
#include "smtpd/parameters.h"
#include "smtpd/xclient.h"

#include <algorithm>

namespace postern::smtpd {
namespace {

constexpr Reply bad_argument{501, "5.5.4", "Syntax:"};
constexpr Reply bad_reverse_path{501, "5.1.7", "Bad sender address:"};
constexpr Reply bad_forward_path{501, "5.1.3", "Bad recipient address:"};
constexpr Reply bad_character{500, "5.5.2", "Control character in a command, or one it may not have"};
constexpr Reply unknown_verb{500, "5.5.2", "Command not recognized, HELP lists what there is"};
constexpr Reply not_implemented{502, "5.5.1", "Command not implemented"};

BadSyntax usage_error(std::string_view usage, std::size_t column) { return {bad_argument, column, std::string(usage)}; }

bool is_space(char c) { return c == ' ' || c == '\t'; }
bool is_control(char c) { return (c >= '\0' && c < ' ' && c != '\t') || c == '\x7F'; }
std::size_t skip_spaces(std::string_view line, std::size_t at) {
    while (at < line.size() && is_space(line[at])) ++at;
    return at;
}

template <class C> Parsed parse_bare(std::string_view line, std::size_t at) {
    if (at != line.size()) return usage_error("this command takes no argument", at);
    return C{};
}
template <class C> Parsed parse_any(std::string_view, std::size_t) { return C{}; }

// The domain is kept as it came: RFC 5321 section 4.1.4 forbids refusing a client for what it calls itself.
template <class C> Parsed parse_hello(std::string_view line, std::size_t at) {
    const std::string_view domain = line.substr(at);
    if (domain.empty() || domain.find_first_of(" \t") != std::string_view::npos)
        return usage_error("HELO or EHLO, then your domain name", at);
    return C{domain};
}

// "FROM:" or "TO:", then the path with no space between (section 3.3).
std::optional<BadSyntax> expect_word(std::string_view word, std::string_view usage, std::string_view line,
                                     std::size_t& at) {
    if (!istarts_with(line.substr(at), word)) return usage_error(usage, at);
    at += word.size();
    if (at < line.size() && is_space(line[at])) return usage_error("no space may follow the colon", at);
    return std::nullopt;
}

Parsed parse_mail(std::string_view line, std::size_t at) {
    if (auto bad = expect_word("FROM:", "MAIL FROM:<address> [parameters]", line, at)) return *bad;
    auto path = mail::parse_reverse_path(line.substr(at));
    if (!path) return BadSyntax{bad_reverse_path, at, path.error().message()};
    at += path->length;
    MailFrom command;
    command.reverse_path = std::move(*path);
    if (auto bad = parse_parameters(command, line, at)) return *bad;
    return command;
}

Parsed parse_rcpt(std::string_view line, std::size_t at) {
    if (auto bad = expect_word("TO:", "RCPT TO:<address>", line, at)) return *bad;
    auto path = mail::parse_forward_path(line.substr(at));
    if (!path) return BadSyntax{bad_forward_path, at, path.error().message()};
    at += path->length;
    RcptTo command;
    command.forward_path = std::move(*path);
    if (auto bad = parse_parameters(command, line, at)) return *bad;
    return command;
}

// RFC 6531 section 3.7.4.2; what is asked for stays unread.
Parsed parse_vrfy(std::string_view line, std::size_t at) {
    constexpr std::string_view parameter = " SMTPUTF8";
    const std::string_view rest = line.substr(at);
    Vrfy command;
    command.ascii = std::none_of(rest.begin(), rest.end(), mail::is_eight_bit);
    command.smtputf8 = rest.size() > parameter.size() && iequals(rest.substr(rest.size() - parameter.size()), parameter);
    return command;
}

Parsed parse_bdat(std::string_view line, std::size_t at) {
    const auto words = split(line.substr(at), ' ');
    const auto size = words.empty() ? std::nullopt : parse_number(words[0]);
    if (!size || words.size() > 2 || (words.size() == 2 && !iequals(words[1], "LAST")))
        return usage_error("BDAT size [LAST]", at);
    return Bdat{*size, words.size() == 2};
}

Parsed parse_auth(std::string_view line, std::size_t at) {
    const auto words = split(line.substr(at), ' ');
    if (words.empty() || words.size() > 2 || words[0].empty()) return usage_error("AUTH mechanism [response]", at);
    Auth command{words[0], {}};
    if (words.size() == 2) command.initial_response = words[1];
    return command;
}

Parsed parse_expn(std::string_view, std::size_t) { return BadSyntax{not_implemented, 0, {}}; }   // 4.2.4: 502

constexpr Verb verb_table[] = {
    {"EHLO", "EHLO domain", parse_hello<Ehlo>},                               // 4.1.1.1
    {"HELO", "HELO domain", parse_hello<Helo>},                               // 4.1.1.1
    {"MAIL", "MAIL FROM:<address> [parameters]", parse_mail, true},           // 4.1.1.2
    {"RCPT", "RCPT TO:<address> [parameters]", parse_rcpt, true},             // 4.1.1.3
    {"DATA", "DATA", parse_bare<Data>},                                       // 4.1.1.4
    {"BDAT", "BDAT size [LAST]", parse_bdat},                                 // RFC 3030 section 2
    {"RSET", "RSET", parse_bare<Rset>},                                       // 4.1.1.5
    {"VRFY", "VRFY address [SMTPUTF8]", parse_vrfy, true},                    // 4.1.1.6
    {"EXPN", "", parse_expn},                                                 // 4.1.1.7
    {"HELP", "HELP", parse_any<Help>},                                        // 4.1.1.8
    {"NOOP", "NOOP", parse_any<Noop>},                                        // 4.1.1.9
    {"QUIT", "QUIT", parse_bare<Quit>},                                       // 4.1.1.10
    {"STARTTLS", "STARTTLS", parse_bare<StartTls>},                           // RFC 3207
    {"AUTH", "AUTH mechanism [response]", parse_auth},                        // RFC 4954
    {"XCLIENT", "", parse_xclient},                                           // Postfix's XCLIENT_README
    {"LHLO", "", parse_hello<Lhlo>},                                          // RFC 2033 section 4.1
};

} // namespace

std::span<const Verb> verbs() { return verb_table; }

std::optional<std::size_t> verb_index(std::string_view line) {
    const std::string_view name = line.substr(0, line.find_first_of(" \t"));
    for (std::size_t i = 0; i < std::size(verb_table); ++i)
        if (iequals(name, verb_table[i].name)) return i;
    return std::nullopt;
}

Parsed parse_command(std::string_view line) {
    while (!line.empty() && is_space(line.back())) line.remove_suffix(1);     // 4.1.1: trailing blanks are tolerated
    const auto verb = verb_index(line);
    const bool utf8 = verb && verb_table[*verb].utf8 && is_utf8(line);
    const auto bad = std::find_if(line.begin(), line.end(),
                                  [&](char c) { return is_control(c) || (mail::is_eight_bit(c) && !utf8); });
    if (bad != line.end()) return BadSyntax{bad_character, static_cast<std::size_t>(bad - line.begin()), {}};
    if (!verb) return BadSyntax{unknown_verb, 0, {}};
    const Verb& row = verb_table[*verb];
    return row.parse(line, skip_spaces(line, row.name.size()));
}

bool is_http_request(std::string_view line) {
    constexpr std::string_view methods[] = {"GET ", "POST ", "PUT ", "HEAD ", "OPTIONS ", "CONNECT ", "DELETE ", "PATCH "};
    return std::any_of(std::begin(methods), std::end(methods),
                       [&](std::string_view method) { return line.starts_with(method); });
}

} // namespace postern::smtpd
