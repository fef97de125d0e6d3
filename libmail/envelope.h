// IMAP's ENVELOPE of a message, as text ready to send (RFC 9051 section 7.5.2): what the index caches.
#pragma once

#include <string>
#include <string_view>

namespace postern::mail {

// At most this many addresses of one field are told; the rest of the field is not read.
constexpr std::size_t max_envelope_addresses = 10'000;

// `header`: the message's header, or the whole message.
std::string envelope_text(std::string_view header);
void append_envelope(std::string& out, std::string_view header);

} // namespace postern::mail
