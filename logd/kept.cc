#include "logd/kept.h"

#include "libcommon/text.h"

#include <algorithm>
#include <iterator>

namespace postern::logd {
namespace {

constexpr std::string_view key_fields[] = {
    "session", "queue", "message_id",                      // one message, or one connection
    "from", "rcpt", "address", "user", "username",         // addresses
    "account", "subject",                                  // authd: a number or an address; what the audit log speaks of
};

bool is_key(std::string_view field) {
    return std::find(std::begin(key_fields), std::end(key_fields), field) != std::end(key_fields);
}

// The same without a copy: most values are normal already.
std::string_view bare(std::string_view written) {
    written = trim(written);
    if (written.size() > 1 && written.starts_with('<') && written.ends_with('>')) written = written.substr(1, written.size() - 2);
    return written;
}

} // namespace

std::string_view Kept::field(std::string_view key) const {
    for (const log::RecordField& field : record.values)
        if (field.key.view() == key) return field.value.view();
    return {};
}

bool each_kept(std::string_view bytes, const std::function<void(Kept, std::string_view)>& each) {
    while (!bytes.empty()) {
        std::uint32_t size = 0;
        if (!Reader(bytes).get(size) || size > max_kept || size > bytes.size() - sizeof size) return false;
        const std::string_view body = bytes.substr(sizeof size, size);
        auto kept = decode<Kept>(body);
        if (!kept) return false;
        each(std::move(*kept), bytes.substr(0, sizeof size + size));
        bytes.remove_prefix(sizeof size + size);
    }
    return true;
}

std::string normal_key(std::string_view written) { return ascii_lower(bare(written)); }

// FNV-1a: the keys are identifiers of ours and addresses; whoever finds a collision makes a query read a block too many.
KeyHash hash_of(std::string_view normal) {
    KeyHash hash = 0xcbf29ce484222325ULL;
    for (const char c : normal) hash = (hash ^ static_cast<unsigned char>(ascii_lower(c))) * 0x100000001b3ULL;
    return hash;
}

void add_keys(const log::LogRecord& record, std::vector<KeyHash>& into) {
    for (const log::RecordField& field : record.values)
        if (!field.value.empty() && is_key(field.key)) into.push_back(hash_of(bare(field.value)));
}

bool mentions(const log::LogRecord& record, std::string_view normal) {
    return std::any_of(record.values.begin(), record.values.end(), [&](const log::RecordField& field) {
        return is_key(field.key) && iequals(bare(field.value), normal);
    });
}

void Batch::add(std::string_view source, std::string_view encoded_record, const log::LogRecord& record) {
    Writer writer(events);
    writer.put(static_cast<std::uint32_t>(sizeof(std::uint32_t) + source.size() + encoded_record.size()));
    writer.put(static_cast<std::uint32_t>(source.size()));
    events.append(source).append(encoded_record);
    add_keys(record, keys);
    ++count;
    first_us = std::min(first_us, record.time_us);
    last_us = std::max(last_us, record.time_us);
}

void Batch::add(const Batch& later) {
    events += later.events;
    keys.insert(keys.end(), later.keys.begin(), later.keys.end());
    count += later.count;
    first_us = std::min(first_us, later.first_us);
    last_us = std::max(last_us, later.last_us);
}

} // namespace postern::logd
