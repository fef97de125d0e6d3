#include "qmgr/journal/record.h"

#include "libcommon/crc32c.h"

#include <algorithm>
#include <utility>

namespace postern::qmgr {
namespace {

void put_u32(std::string& out, std::size_t at, std::uint32_t value) { std::memcpy(out.data() + at, &value, sizeof value); }

std::uint32_t get_u32(std::string_view bytes, std::size_t at) {
    std::uint32_t value = 0;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}

struct Tally {
    Totals operator()(const Accepted& m) const {
        Totals totals;
        (m.parent ? totals.expanded : totals.accepted) += m.envelope.recipients.size();
        if (m.parent)
            for (const RecipientRecord& recipient : m.parent->recipients) totals.count(recipient.outcome, 1);
        return totals;
    }
    Totals operator()(const Changed& m) const {
        Totals totals;
        if (!m.copy)
            for (const RecipientRecord& recipient : m.recipients) totals.count(recipient.outcome, 1);
        return totals;
    }
    Totals operator()(const Finished& m) const {
        Totals totals;
        for (const FinishedMessage& message : m.messages) totals.count(m.outcome, message.recipients);
        return totals;
    }
    Totals operator()(const Kept&) const { return {}; }   // a copy
};

template <std::size_t Index> Result<JournalRecord> decode_as(std::string_view body) {
    auto record = decode<std::variant_alternative_t<Index, JournalRecord>>(body);
    if (!record) return record.error();
    return JournalRecord(std::move(*record));
}

// The parts of a record that list recipients, with the notes that travel beside them.
template <class Do> void for_each_list(JournalRecord& record, Do&& act) {
    if (auto* m = std::get_if<Accepted>(&record); m && m->parent) act(m->parent->recipients, m->parent->notes);
    if (auto* m = std::get_if<Changed>(&record)) act(m->recipients, m->notes);
    if (auto* m = std::get_if<Kept>(&record)) act(m->recipients, m->notes);
}

bool has_notes(const RecipientRecords& recipients) {
    return std::any_of(recipients.begin(), recipients.end(), [](const RecipientRecord& r) { return r.note != RecipientNote{}; });
}

bool has_notes(const JournalRecord& record) {
    if (const auto* m = std::get_if<Accepted>(&record)) return m->parent && has_notes(m->parent->recipients);
    if (const auto* m = std::get_if<Changed>(&record)) return has_notes(m->recipients);
    if (const auto* m = std::get_if<Kept>(&record)) return has_notes(m->recipients);
    return false;
}

void take_notes(const RecipientRecords& recipients, RecipientNotes& notes) {
    for (const RecipientRecord& r : recipients)
        if (r.note != RecipientNote{}) notes.push_back({r.index, r.note});
}

// False: they are not what take_notes() makes, about nobody or about one twice.
bool give_notes(RecipientRecords& recipients, RecipientNotes& notes) {
    if (notes.empty()) return true;
    for (const IndexedNote& entry : notes)
        for (RecipientRecord& r : recipients.items)
            if (r.index == entry.index) r.note = entry.note;
    const RecipientNotes given = std::exchange(notes, {});
    RecipientNotes again;
    take_notes(recipients, again);
    return again == given;
}

using Decoder = Result<JournalRecord> (*)(std::string_view);
constexpr Decoder decoders[] = {decode_as<0>, decode_as<1>, decode_as<2>, decode_as<3>};
static_assert(std::size(decoders) == std::variant_size_v<JournalRecord>);

} // namespace

std::int64_t Totals::waiting() const {
    return static_cast<std::int64_t>(accepted + expanded - delivered - bounced - discarded - deleted - corrupt);
}

void Totals::count(Outcome outcome, std::uint64_t recipients) {
    switch (outcome) {
    case Outcome::waiting: break;
    case Outcome::delivered: delivered += recipients; break;
    case Outcome::bounced: bounced += recipients; break;
    case Outcome::discarded: discarded += recipients; break;
    case Outcome::deleted: deleted += recipients; break;
    case Outcome::corrupt: corrupt += recipients; break;
    }
}

Totals& Totals::operator+=(const Totals& other) {
    accepted += other.accepted;
    expanded += other.expanded;
    delivered += other.delivered;
    bounced += other.bounced;
    discarded += other.discarded;
    deleted += other.deleted;
    corrupt += other.corrupt;
    return *this;
}

Totals tally(const JournalRecord& record) { return std::visit(Tally{}, record); }

void append_frame(std::string& out, const JournalRecord& record) {
    if (has_notes(record)) {
        JournalRecord noted = record;
        for_each_list(noted, [](RecipientRecords& recipients, RecipientNotes& notes) {
            take_notes(recipients, notes);
            for (RecipientRecord& r : recipients.items) r.note = {};
        });
        return append_frame(out, noted);
    }
    const std::size_t at = out.size();
    out.append(frame_header - 1, '\0');
    out.push_back(static_cast<char>(record.index() + 1));
    std::visit([&](const auto& body) { encode_to(out, body); }, record);
    put_u32(out, at, static_cast<std::uint32_t>(out.size() - at - frame_header));
    put_u32(out, at + 4, crc32c(std::string_view(out).substr(at + 8)));
}

Result<Frame> read_frame(std::string_view bytes) {
    if (bytes.size() < frame_header) return Error(Errc::corrupt, "record cut short");
    const std::size_t length = get_u32(bytes, 0);
    if (length > bytes.size() - frame_header) return Error(Errc::corrupt, "record longer than its place");
    if (crc32c(bytes.substr(8, length + 1)) != get_u32(bytes, 4)) return Error(Errc::corrupt, "record fails its checksum");
    return Frame{static_cast<RecordType>(bytes[8]), bytes.substr(frame_header, length), frame_header + length};
}

Result<JournalRecord> decode_record(const Frame& frame) {
    const auto number = static_cast<std::size_t>(frame.type);
    if (number == 0 || number > std::size(decoders)) return Error(Errc::corrupt, "record of an unknown type");
    auto record = decoders[number - 1](frame.body);
    bool fits = true;
    if (record) for_each_list(*record, [&](RecipientRecords& recipients, RecipientNotes& notes) { fits = give_notes(recipients, notes); });
    if (!fits) return Error(Errc::corrupt, "notes that fit no recipient");
    return record;
}

} // namespace postern::qmgr
