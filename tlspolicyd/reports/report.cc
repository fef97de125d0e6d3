#include "tlspolicyd/reports/report.h"

#include "libcommon/crc32c.h"
#include "libmail/address.h"
#include "libmail/date.h"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>
#include <zlib.h>

namespace postern::tlsrpt {
namespace {

std::string date_time(std::int64_t seconds) {        // RFC 3339
    const mail::CivilTime t = mail::civil_time({seconds, 0});
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", t.year, t.month, t.day, t.hour, t.minute, t.second);
}

void set_if_known(json::Value& object, const char* name, const std::string& value) {
    if (!value.empty()) object.set(name, value);
}

json::Value array_of(const std::vector<std::string>& texts) {
    json::Value array = json::Array{};
    for (const std::string& text : texts) array.push(text);
    return array;
}

// The patterns among the lines of an MTA-STS policy. An array, as those who report write it, though section 4.4 speaks of one.
std::vector<std::string> mx_patterns(const std::vector<std::string>& lines) {
    constexpr std::string_view key = "mx: ";
    std::vector<std::string> patterns;
    for (const std::string& line : lines)
        if (line.starts_with(key)) patterns.push_back(line.substr(key.size()));
    return patterns;
}

json::Value policy_json(const Stretch& stretch, const PolicyResults& results) {
    json::Value policy = json::Value().set("policy-type", to_string(results.type));
    if (!results.lines.empty()) policy.set("policy-string", array_of(results.lines));
    policy.set("policy-domain", stretch.domain);
    if (results.type != ipc::TlsPolicyType::sts) return policy;
    if (const auto patterns = mx_patterns(results.lines); !patterns.empty()) policy.set("mx-host", array_of(patterns));
    return policy;
}

json::Value failure_json(const FailureCount& failure) {
    json::Value shown = json::Value().set("result-type", to_string(failure.result));
    set_if_known(shown, "sending-mta-ip", failure.sending_ip);
    set_if_known(shown, "receiving-mx-hostname", failure.mx_host);
    set_if_known(shown, "receiving-ip", failure.receiving_ip);
    shown.set("failed-session-count", failure.count);
    set_if_known(shown, "failure-reason-code", failure.reason);
    return shown;
}

json::Value results_json(const Stretch& stretch, const PolicyResults& results) {
    json::Value failures = json::Array{};
    for (const FailureCount& failure : results.details) failures.push(failure_json(failure));
    return json::Value()
        .set("policy", policy_json(stretch, results))
        .set("summary", json::Value()
                            .set("total-successful-session-count", results.successes)
                            .set("total-failure-session-count", results.failures))
        .set("failure-details", std::move(failures));
}

} // namespace

std::string Reporter::submitter() const { return std::string(mail::split_address(contact).second); }

std::string report_id(const Reporter& reporter, const Stretch& stretch) {
    return fmt::format("{}.{}.{}@{}", stretch.began, stretch.ended - 1, stretch.domain, reporter.submitter());
}

json::Value report_json(const Reporter& reporter, const Stretch& stretch, const std::vector<PolicyResults>& policies) {
    json::Value shown = json::Array{};
    for (const PolicyResults& results : policies) shown.push(results_json(stretch, results));
    return json::Value()
        .set("organization-name", reporter.organization)
        .set("date-range", json::Value()
                               .set("start-datetime", date_time(stretch.began))
                               .set("end-datetime", date_time(stretch.ended - 1)))
        .set("contact-info", reporter.contact)
        .set("report-id", report_id(reporter, stretch))
        .set("policies", std::move(shown));
}

std::string gzip(std::string_view bytes) {
    constexpr int gzip_window = 15 + 16, memory_level = 8;
    z_stream stream{};
    if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, gzip_window, memory_level, Z_DEFAULT_STRATEGY) != Z_OK)
        throw std::bad_alloc();
    std::string out(deflateBound(&stream, bytes.size()), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));      // which zlib does not change
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);                      // deflateBound() has made room for all of it
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

std::string file_name(const Reporter& reporter, const Stretch& stretch) {
    return fmt::format("{}!{}!{}!{}.json.gz", reporter.submitter(), stretch.domain, stretch.began, stretch.ended - 1);
}

std::int64_t due_time(std::int64_t day, std::string_view domain, std::string_view reporter, std::int64_t delay) {
    const std::uint32_t place = crc32c(fmt::format("{}\n{}\n{}", reporter, domain, day));
    return (day + 1) * day_seconds + static_cast<std::int64_t>(place % static_cast<std::uint64_t>(delay + 1));
}

std::int64_t pause_after(std::uint32_t tries) {
    constexpr std::int64_t first = 15 * 60, longest = 6 * 3600;
    return std::min(first << std::min(tries == 0 ? 0U : tries - 1, max_tries), longest);
}

} // namespace postern::tlsrpt
