#include "imapd/session/message_text.h"

#include "libcommon/file.h"
#include "libcommon/text.h"
#include "libmail/bodystructure.h"
#include "libmail/envelope.h"
#include "libmail/mime.h"

#include <algorithm>

namespace postern::imapd {
namespace {

// What clients search and sort by, and what Thunderbird, mutt and Apple Mail ask for their lists of messages. Who adds
// one empties the cache by a migration of the index.
const std::vector<std::string> cached_fields = {
    "Date", "Subject", "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Message-ID", "In-Reply-To", "References",
    "Content-Type", "Content-Description", "Newsgroups", "Priority", "X-Priority", "Importance", "Lines", "X-Label",
    "X-Original-To", "List-Id", "List-Post", "List-Subscribe", "List-Unsubscribe", "Mail-Followup-To"};
constexpr std::size_t max_cached_header = 64 * 1024;   // a message of nothing but recipients must not swell the index

} // namespace

std::string read_range(const Fd& file, std::uint64_t offset, std::uint64_t length) {
    auto bytes = read_piece(file.get(), offset, length);
    return bytes ? std::move(*bytes) : std::string();
}

std::string read_header(const store::Body& body) {
    for (std::uint64_t want = 16 * 1024;; want *= 4) {
        std::string bytes = read_range(body.file, 0, std::min(want, body.size));
        const auto [header, rest] = mail::split_header(bytes);
        if (!rest.empty() || header.ends_with("\n\r\n") || header.ends_with("\n\n") || bytes.size() < want) {
            bytes.resize(header.size());
            return bytes;
        }
    }
}

store::Cached make_texts(std::string_view message) {
    const mail::Structure structure = mail::parse_structure(message);
    const std::string_view header = structure.header(structure.root());
    store::Cached texts;
    texts.envelope = mail::envelope_text(header);
    texts.body_structure = mail::bodystructure_text(structure);
    texts.body = mail::body_text(structure);
    texts.header = mail::select_fields(header, cached_fields, false);
    if (texts.header.size() > max_cached_header) texts.header.clear();
    return texts;
}

bool is_cached_field(std::string_view name) {
    return std::any_of(cached_fields.begin(), cached_fields.end(),
                       [&](const std::string& field) { return iequals(field, name); });
}

} // namespace postern::imapd
