// What EHLO offers, and what MAIL may ask for because of it: the two are one file so that they stay one list.
#include "smtpd/session.h"
#include "smtpd/timestamp.h"
#include "smtpd/xclient.h"

#include <fmt/format.h>

namespace postern::smtpd {
namespace {

std::int64_t seconds(std::chrono::milliseconds time) { return std::chrono::duration_cast<std::chrono::seconds>(time).count(); }

} // namespace

void Session::say_extensions() {
    const std::string auth = "AUTH" + sasl::offer(auth_conditions());
    const std::string size = fmt::format("SIZE {}", limits_.message_bytes);
    const std::string limits = fmt::format("LIMITS RCPTMAX={}", limits_.recipients);              // RFC 9422
    const std::string hold = fmt::format("FUTURERELEASE {} {}", seconds(limits_.hold), timestamp(now_ + seconds(limits_.hold)));
    std::vector<std::string_view> lines{limits_.hostname, "PIPELINING", size, "8BITMIME", "ENHANCEDSTATUSCODES",
                                        "CHUNKING", "BINARYMIME", "SMTPUTF8", "DSN", limits};
    if (tls_offered_ && tls_version_.empty()) lines.push_back("STARTTLS");
    if (!tls_version_.empty()) lines.push_back("REQUIRETLS");
    if (auth_conditions().tls && account_ == 0) lines.push_back(auth);
    if (offers_hold()) lines.push_back(hold);
    const std::string xclient = takes_xclient_ ? xclient_attributes() : "";
    if (takes_xclient_) lines.push_back(xclient);
    lines.push_back("HELP");
    std::string text;
    write_lines(text, 250, {}, lines);
    send(text);
}

// RFC 4865 section 3: of submission only.
bool Session::offers_hold() const { return role_.submission && !tls_version_.empty() && seconds(limits_.hold) > 0; }

const Reply* Session::why_not(const MailFrom& c) const {
    if (c.size > limits_.message_bytes) return &replies::too_big;
    if (!c.reverse_path.ascii && !c.smtputf8) return &replies::needs_smtputf8;
    if (c.require_tls && tls_version_.empty()) return &replies::needs_tls;
    if (!c.hold_for && !c.hold_until) return nullptr;
    if (!offers_hold()) return &replies::unknown_parameter;
    const std::int64_t wait = c.hold_for ? *c.hold_for : *c.hold_until - now_;
    return wait > 0 && wait <= seconds(limits_.hold) ? nullptr : &replies::bad_hold;
}

ipc::Extensions Session::extensions_of(const MailFrom& c) const {
    ipc::Extensions extensions;
    extensions.smtputf8 = c.smtputf8;
    extensions.require_tls = c.require_tls;
    extensions.ret = c.ret;
    extensions.envelope_id = c.envelope_id;
    extensions.hold_until = c.hold_for ? now_ + *c.hold_for : c.hold_until.value_or(0);
    return extensions;
}

} // namespace postern::smtpd
