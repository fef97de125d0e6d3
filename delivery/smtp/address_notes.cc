#include "delivery/smtp/address_notes.h"

namespace postern::smtp_out {

std::optional<ipc::AddressNote> note_of(const QueueId& id, const Outgoing::Recipient& recipient, const Outcome& outcome, std::string_view host) {
    const bool refused = outcome.status == ipc::DeliveryStatus::failed && ipc::is_refused_address(outcome.code);
    if (outcome.status != ipc::DeliveryStatus::delivered && !refused) return std::nullopt;
    ipc::AddressNote note;
    note.id = id;
    note.address = recipient.address;
    note.refused = refused;
    if (!refused) return note;
    note.code = outcome.code;
    note.host = host;
    note.reply = outcome.text.substr(0, decltype(note.reply)::limit);
    return note;
}

void AddressNotes::add(ipc::AddressNote note) {
    notes_.notes.push_back(std::move(note));
    if (notes_.notes.size() == decltype(notes_.notes)::limit) flush();
}

void AddressNotes::flush() {
    if (notes_.notes.empty()) return;
    tell_(notes_);
    notes_ = {};
}

} // namespace postern::smtp_out
