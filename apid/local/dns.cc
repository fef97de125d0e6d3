// What resolvd finds in the DNS, as the daemons see it, and making it forget.
#include "apid/local/handlers.h"
#include "ipc/dns.h"
#include "libcommon/network.h"
#include "libcommon/text.h"

#include <fmt/core.h>

namespace postern::api {
namespace {

std::optional<ipc::DnsType> type_named(std::string_view name) {
    for (unsigned i = 0; i <= static_cast<unsigned>(last_enumerator(ipc::DnsType{})); ++i)
        if (iequals(to_string(static_cast<ipc::DnsType>(i)), name)) return static_cast<ipc::DnsType>(i);
    return std::nullopt;
}

// As a zone file has it, but for TXT, whose strings are joined already.
std::string text_of(ipc::DnsType type, std::string_view data) {
    constexpr std::size_t tlsa_head = 3;
    if (type == ipc::DnsType::tlsa && data.size() > tlsa_head)
        return fmt::format("{} {} {} {}", data[0] & 0xff, data[1] & 0xff, data[2] & 0xff, to_hex(data.substr(tlsa_head)));
    if (type == ipc::DnsType::a || type == ipc::DnsType::aaaa)
        if (const auto address = IpAddress::of_bytes(data)) return address->text();
    return printable(data, decltype(ipc::DnsRecord::data)::limit);
}

json::Value to_json(const ipc::DnsQuery& query, const ipc::DnsAnswer& answer) {
    json::Value records = json::Array{};
    for (const ipc::DnsRecord& record : answer.records) {
        json::Value shown = json::Value().set("data", text_of(query.record, record.data.view()));
        if (query.record == ipc::DnsType::mx) shown.set("preference", record.preference);
        records.push(std::move(shown));
    }
    return json::Value()
        .set("name", printable(query.name.view(), decltype(query.name)::limit))
        .set("type", to_string(query.record))
        .set("status", to_string(answer.status))
        .set("canonical", answer.canonical.view())
        .set("authentic", answer.authentic)
        .set("ttl", answer.ttl)
        .set("cached", answer.cached)
        .set("source", answer.source.view())
        .set("reason", printable(answer.reason.view(), decltype(answer.reason)::limit))
        .set("records", std::move(records));
}

} // namespace

void look_up(const Call& call) {
    ipc::DnsQuery query;
    if (!call.take_query("name", query.name)) return;
    const auto wanted = call.request.parameter("type");
    const auto type = type_named(wanted.empty() ? "A" : wanted);
    if (!type) return call.refuse(400, "type: A, AAAA, MX, TXT, PTR, TLSA or CNAME");
    query.record = *type;
    call.ask<ipc::DnsQuery>(ipc::ServiceId::resolvd, query, [call, query](const ipc::DnsAnswer& answer) {
        call.answer(200, to_json(query, answer));
    });
}

void flush_dns(const Call& call) {
    ipc::DnsFlush flush;
    if (!call.request.parameter("name").empty() && !call.take_query("name", flush.name.emplace())) return;
    call.ask<ipc::DnsFlush>(ipc::ServiceId::resolvd, flush, [call](const ipc::DnsFlushed& flushed) {
        call.answer(200, json::Value().set("answers", flushed.answers));
    });
}

} // namespace postern::api
