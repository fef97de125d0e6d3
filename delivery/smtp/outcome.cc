#include "delivery/smtp/outcome.h"

#include "libcommon/text.h"

#include <algorithm>
#include <iterator>

namespace postern::smtp_out {
namespace {

using ipc::DeliveryStatus;

// Where RFC 5321 section 4.2.3 says what a code is for; another one says no more than its class.
struct Made {
    std::uint16_t code;
    std::string_view enhanced;
};
constexpr Made made[] = {
    {421, "4.3.2"}, {450, "4.2.0"}, {451, "4.3.0"}, {452, "4.3.1"}, {454, "4.7.0"}, {455, "4.5.4"}, {500, "5.5.2"},
    {501, "5.5.4"}, {502, "5.5.1"}, {503, "5.5.1"}, {504, "5.5.4"}, {530, "5.7.0"}, {535, "5.7.8"},
    {551, "5.1.6"}, {552, "5.2.2"}, {553, "5.1.3"}, {555, "5.5.4"}, {556, "5.1.10"}};

std::string enhanced_for(const mail::SmtpReply& reply) {
    if (!reply.enhanced.empty()) return reply.enhanced;
    const auto row = std::find_if(std::begin(made), std::end(made), [&](const Made& m) { return m.code == reply.code; });
    return row == std::end(made) ? std::to_string(reply.code / 100) + ".0.0" : std::string(row->enhanced);
}

} // namespace

Outcome outcome_of(const mail::SmtpReply& reply) {
    if (reply.is_positive()) return {DeliveryStatus::delivered, enhanced_for(reply), reply.text()};
    if (reply.is_permanent()) return {DeliveryStatus::failed, enhanced_for(reply), reply.text()};
    if (reply.is_temporary()) return {DeliveryStatus::deferred, enhanced_for(reply), reply.text()};
    return deferred("4.5.0", "unexpected reply: " + reply.text());
}

Outcome deferred(std::string_view code, std::string text) { return {DeliveryStatus::deferred, std::string(code), std::move(text)}; }
// RFC 3463 sections 3.4, 3.5 and 3.8. By Loss.
Outcome lost(Loss where, std::string text) {
    constexpr std::string_view codes[] = {"4.3.5",      // system incorrectly configured
                                          "4.4.1",      // no answer from host
                                          "4.4.2",      // bad connection
                                          "4.7.5",      // cryptographic failure
                                          "4.4.7"};     // delivery time expired
    return deferred(codes[static_cast<std::size_t>(where)], std::move(text));
}

Outcome failed(std::string_view code, std::string text) { return {DeliveryStatus::failed, std::string(code), std::move(text)}; }

ipc::RecipientOutcome to_ipc(std::uint32_t index, const Outcome& outcome) {
    std::string text = outcome.text;
    text.resize(std::min(text.size(), decltype(ipc::RecipientOutcome::diagnostic)::limit));
    return {index, outcome.status, outcome.code, std::move(text)};
}

} // namespace postern::smtp_out
