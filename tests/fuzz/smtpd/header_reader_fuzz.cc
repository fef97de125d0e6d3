// The first byte chooses the pieces; the rest is a message. However it is cut the outcome is the same, and it is what
// libmail's reader of stored messages finds: the same fields, and of a submission all but the blind ones go on.
#include "libcommon/text.h"
#include "libmail/headers.h"
#include "smtpd/header_reader.h"

#include <cstdlib>

using namespace postern;
using namespace postern::smtpd;

namespace {

struct Outcome {
    std::string message;
    HeaderFacts facts;
    bool operator==(const Outcome&) const = default;
};
Outcome run(HeaderReader::For purpose, std::string_view bytes, std::size_t piece) {
    HeaderReader reader(purpose, true);
    Outcome outcome;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        const std::size_t before = outcome.message.size();
        outcome.message += bytes.substr(at, piece);
        if (!reader.ended()) reader.pass(outcome.message, before);
    }
    reader.finish(outcome.message);
    outcome.facts = reader.facts();
    return outcome;
}

bool is_blind(std::string_view name) { return iequals(name, "Bcc") || iequals(name, "Resent-Bcc"); }

void compare(std::string_view bytes, const HeaderFacts& facts, std::string_view sent_on) {
    mail::HeaderScanner scanner(bytes);
    std::string expected;
    std::size_t received = 0, from = 0;
    while (const auto field = scanner.next()) {
        if (iequals(field->name, "Received")) ++received;
        if (iequals(field->name, "From")) ++from;
        if (!is_blind(field->name)) expected += bytes.substr(field->begin, field->end - field->begin);
    }
    expected += bytes.substr(scanner.header_end());
    if (facts.not_utf8 == is_utf8(bytes.substr(0, scanner.header_end()))) std::abort();
    if (facts.received != received || facts.seen.has(HeaderField::from) != (from > 0)) std::abort();
    if (facts.repeated.has(HeaderField::from) != (from > 1) || sent_on != expected) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0 || size > 900) return 0;               // a longer name is none for us, whatever stands behind it
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    for (const auto purpose : {HeaderReader::For::relay, HeaderReader::For::submission}) {
        const Outcome whole = run(purpose, bytes, size);
        if (!(run(purpose, bytes, 1 + data[0] % 16) == whole)) std::abort();
        if (purpose == HeaderReader::For::relay && whole.message != bytes) std::abort();
        if (purpose == HeaderReader::For::submission) compare(bytes, whole.facts, whole.message);
    }
    return 0;
}
