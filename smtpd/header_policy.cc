#include "smtpd/header_policy.h"

#include <fmt/format.h>

#include <initializer_list>

namespace postern::smtpd {
namespace {

using Broken = std::optional<HeaderField>;
using F = HeaderField;

Broken first_repeated(const CheckedHeader& header, std::initializer_list<HeaderField> fields) {
    for (HeaderField field : fields)
        if (header.facts.repeated.has(field)) return field;
    return std::nullopt;
}
Broken when(bool broken) { return broken ? Broken(F::other) : std::nullopt; }

Broken bare_line_end(const CheckedHeader& h) { return when(h.facts.bare_line_end); }
Broken author_twice(const CheckedHeader& h) { return first_repeated(h, {F::from, F::sender}); }
Broken shown_twice(const CheckedHeader& h) {
    return first_repeated(h, {F::reply_to, F::to, F::cc, F::subject, F::date});
}
Broken id_twice(const CheckedHeader& h) { return first_repeated(h, {F::message_id, F::in_reply_to, F::references}); }
Broken malformed(const CheckedHeader& h) { return when(h.facts.malformed); }
Broken not_utf8(const CheckedHeader& h) { return when(h.facts.not_utf8 && h.smtputf8); }
Broken eight_bit(const CheckedHeader& h) { return when(h.facts.eight_bit && !h.smtputf8); }
Broken no_author(const CheckedHeader& h) { return h.has(F::from) ? std::nullopt : Broken(F::from); }
Broken no_date(const CheckedHeader& h) { return h.has(F::date) ? std::nullopt : Broken(F::date); }

// On port 25 strangers' software is what it is. Of 903 messages of test mail (bounces of all mail systems, spam, ham, and
// what tests of MIME libraries send) each rule would refuse the number behind it; those of `author` were made to deceive.
constexpr HeaderRule rules[] = {
    {"bare-line-end", HeaderChecks::author, {550, "5.6.0", "Header of a binary message has a line that does not end with <CR><LF>"},
     "RFC 5322 section 2.2", bare_line_end},                                                                           // 0
    {"author-twice", HeaderChecks::author, {550, "5.6.0", "Message has more than one"}, "RFC 5322 section 3.6", author_twice},   // 1
    {"shown-twice", HeaderChecks::shown, {550, "5.6.0", "Message has more than one"}, "RFC 5322 section 3.6", shown_twice},      // 2
    {"id-twice", HeaderChecks::strict, {550, "5.6.0", "Message has more than one"}, "RFC 5322 section 3.6", id_twice},           // 3
    {"malformed", HeaderChecks::strict, {550, "5.6.0", "Message has a line in its header that is no header field"},
     "RFC 5322 section 2.2", malformed},                                                                               // 77
    {"eight-bit", HeaderChecks::strict, {550, "5.6.0", "Message has octets beyond ASCII in its header, and MAIL did not say SMTPUTF8"},
     "RFC 6532 section 3", eight_bit},                                                                                 // 30
    // Who says SMTPUTF8 says that it is UTF-8: what is not, each reader decodes in its own way, an author's name and address, too.
    // Not on port 25 by default: a relay that sees octets beyond ASCII may say SMTPUTF8 without having looked at all of them.
    {"not-utf8", HeaderChecks::strict, {550, "5.6.0", "Header is not UTF-8, which MAIL with SMTPUTF8 said it is"}, "RFC 6532 section 3.1", not_utf8},   // 0
    {"no-author", HeaderChecks::strict, {550, "5.6.0", "Message has no"}, "RFC 5322 section 3.6", no_author},          // 97
    {"no-date", HeaderChecks::strict, {550, "5.6.0", "Message has no"}, "RFC 5322 section 3.6", no_date},              // 143
};

} // namespace

std::span<const HeaderRule> header_rules() { return rules; }

std::optional<HeaderFault> header_fault(const CheckedHeader& header, HeaderChecks checks) {
    for (const HeaderRule& rule : rules) {
        if (rule.from > checks) continue;
        const auto field = rule.broken_by(header);
        if (!field) continue;
        return HeaderFault{&rule, *field == F::other ? fmt::format("({})", rule.reference)
                                                     : fmt::format("{} header ({})", to_string(*field), rule.reference)};
    }
    return std::nullopt;
}

} // namespace postern::smtpd
