// What is known of addresses at other hosts: told by smtp-out and local, asked by smtp-out, changed by operators.
#include "libcommon/counters.h"
#include "libcommon/log.h"
#include "libcommon/text.h"
#include "libmail/address.h"
#include "policyd/service.h"

#include <ctime>

namespace postern::policy {
namespace {

Counter noted{"policy_address_notes_total", "result=\"taken\"", "What became of mail at addresses elsewhere"};
Counter noted_refused{"policy_address_notes_total", "result=\"refused\"", "What became of mail at addresses elsewhere"};
Counter disbelieved{"policy_reports_disbelieved_total", "", "Reports about messages that are not known to have gone there"};
Gauge watched{"policy_refusing_addresses", "", "Addresses elsewhere that refused mail lately"};
Gauge in_force{"policy_suppressed_addresses", "", "Addresses elsewhere that no mail is sent to"};

constexpr std::uint64_t longest = 10 * 365 * 86'400ULL;

std::int64_t wall_seconds() { return static_cast<std::int64_t>(std::time(nullptr)); }

ipc::SuppressedAddress verdict_on(const ipc::SuppressionRow& row, std::uint32_t index) {
    if (!row.by.empty())
        return {index, "5.7.1", "an operator of this host has suppressed this address" + (row.reply.empty() ? "" : ": " + row.reply.value)};
    const std::string reason = "not sent: " + row.host.value + " refused " + std::to_string(row.refusals) +
                               " messages to this address in a row, the last with: " + row.reply.value;
    return {index, row.code, reason.substr(0, decltype(ipc::SuppressedAddress::reason)::limit)};
}

} // namespace

void Service::serve_suppressions() {
    daemon_.on<ipc::NoteAddresses>([this](ipc::Incoming<ipc::NoteAddresses> in) {
        const bool hearsay = in.channel->peer().service == ipc::ServiceId::local;
        for (const ipc::AddressNote& note : in.message.notes) note_address(note, hearsay);
    });
    daemon_.on<ipc::CheckAddresses>([this](ipc::Incoming<ipc::CheckAddresses> in) {
        ipc::AddressVerdicts verdicts;
        const auto& addresses = in.message.addresses.items;
        for (std::uint32_t i = 0; i < addresses.size(); ++i)
            if (const auto* row = suppressions_.find(addresses[i].view(), wall_seconds())) verdicts.suppressed.push_back(verdict_on(*row, i));
        in.reply(verdicts);
    });
    daemon_.on<ipc::ListSuppressions>([this](ipc::Incoming<ipc::ListSuppressions> in) {
        ipc::SuppressionListing listing;
        for (auto& row : suppressions_.page(in.message.after.view(), std::min<std::size_t>(in.message.limit, ipc::max_page)))
            listing.rows.push_back(std::move(row));
        in.reply(listing);
    });
    daemon_.on<ipc::AddSuppression>([this](ipc::Incoming<ipc::AddSuppression> in) { in.reply(add(in.message)); });
    daemon_.on<ipc::RemoveSuppression>([this](ipc::Incoming<ipc::RemoveSuppression> in) {
        const bool known = suppressions_.remove(in.message.address.view());
        write();
        in.reply({known ? ipc::AdminStatus::ok : ipc::AdminStatus::not_found, 0, known ? "" : "nothing is known of that address"});
    });
}

void Service::note_address(const ipc::AddressNote& note, bool hearsay) {
    (note.refused ? noted_refused : noted).add();
    if (!note.refused) {
        if (hearsay) return;
        sent_.add(note.id, note.address.view());
        return suppressions_.taken(note.address.view(), wall_seconds());
    }
    if (hearsay && !sent_.take(note.id, note.address.view())) return disbelieved.add();
    suppressions_.refused(note, wall_seconds());
}

ipc::AdminResult Service::add(const ipc::AddSuppression& request) {
    if (const auto [local, domain] = mail::split_address(request.address.view()); local.empty() || domain.empty())
        return {ipc::AdminStatus::invalid, 0, "not an address like ann@example.org"};
    if (request.duration > longest) return {ipc::AdminStatus::invalid, 0, "an address is suppressed for up to ten years"};
    const std::int64_t now = wall_seconds();
    ipc::SuppressionRow row;
    row.address = request.address;
    row.until = request.duration == 0 ? 0 : now + static_cast<std::int64_t>(request.duration);
    row.reply = printable(request.reason.view()).substr(0, 200);
    row.by = printable(request.actor.who.view(), 64).substr(0, 64);
    const auto added = suppressions_.add(std::move(row), now);
    if (!added) return {ipc::AdminStatus::conflict, 0, added.error().message()};
    write();
    return {ipc::AdminStatus::ok, 0, {}};
}

void Service::count_suppressions() const {
    watched.set(static_cast<std::int64_t>(suppressions_.size()));
    in_force.set(static_cast<std::int64_t>(suppressions_.in_force(wall_seconds())));
}

} // namespace postern::policy
