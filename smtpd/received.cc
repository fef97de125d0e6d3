#include "smtpd/received.h"

#include "libcommon/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>

namespace postern::smtpd {
namespace {

// The client's own word goes into a header: what is no domain or address literal could pretend to be more.
std::string safe_helo(std::string_view helo) {
    std::string out(helo.substr(0, 255));
    std::replace_if(out.begin(), out.end(), [](char c) {
        const bool alphanumeric = (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
        return !alphanumeric && std::string_view("-._:[]").find(c) == std::string_view::npos;
    }, '?');
    return out.empty() ? "unknown" : out;
}

// RFC 5321 section 4.1.3.
std::string address_literal(std::string_view client) {
    return fmt::format("[{}{}]", client.find(':') != std::string_view::npos ? "IPv6:" : "", client);
}

std::string protocol(const TraceFacts& facts) {
    if (!facts.extended && !facts.smtputf8) return "SMTP";
    if (facts.lmtp) return facts.smtputf8 ? "UTF8LMTP" : "LMTP";      // without TLS and AUTH
    std::string name = facts.smtputf8 ? "UTF8SMTP" : "ESMTP";         // RFC 6531 section 4.3
    if (!facts.tls_version.empty()) name += 'S';
    if (facts.authenticated) name += 'A';
    return name;
}

// RFC 5321 section 4.4 demands a domain here, and knows no way to say that it is not told: ours.
std::string origin(const TraceFacts& facts) {
    if (!facts.local_user.empty()) return fmt::format("{} ({})", facts.hostname, facts.local_user);
    if (facts.hides_client) return fmt::format("{} (an authenticated user)", facts.hostname);
    return fmt::format("{} ({})", safe_helo(facts.helo), address_literal(facts.client));
}

} // namespace

TraceLines trace_lines(const TraceFacts& facts) {
    TraceLines lines;
    fmt::format_to(std::back_inserter(lines.head), "Received: from {}\r\n\tby {} with {} id ", origin(facts), facts.hostname,
                   protocol(facts));
    auto tail = std::back_inserter(lines.tail);
    if (!facts.tls_version.empty()) fmt::format_to(tail, "\r\n\t({} {})", facts.tls_version, facts.tls_cipher);
    // What came without a domain is no Path, section 4.1.2.
    if (facts.only_recipient.find('@') != facts.only_recipient.npos) fmt::format_to(tail, "\r\n\tfor <{}>", facts.only_recipient);
    fmt::format_to(tail, ";\r\n\t{}\r\n", date_time(facts.now));
    return lines;
}

std::string date_time(std::int64_t seconds) {
    using namespace std::chrono;
    constexpr std::string_view days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::string_view months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const sys_seconds when{std::chrono::seconds(seconds)};
    const auto midnight = floor<std::chrono::days>(when);
    const year_month_day date(midnight);
    const hh_mm_ss time(when - midnight);
    return fmt::format("{}, {} {} {} {:02}:{:02}:{:02} +0000", days[weekday(midnight).c_encoding()],
                       static_cast<unsigned>(date.day()), months[static_cast<unsigned>(date.month()) - 1],
                       static_cast<int>(date.year()), time.hours().count(), time.minutes().count(),
                       time.seconds().count());
}

} // namespace postern::smtpd
