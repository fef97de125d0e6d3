// Data to bytes: the responses of RFC 9051 section 7 that more than one command writes.
#pragma once

#include "libcommon/result.h"
#include "libmail/imap/flags.h"
#include "libstore/store.h"

#include <string>
#include <string_view>
#include <vector>

namespace postern::imapd {

enum class Condition { ok, no, bad };

// "a1 OK [CODE] text": the code without its brackets, or empty.
void append_tagged(std::string& out, std::string_view tag, Condition condition, std::string_view code,
                   std::string_view text);
void append_untagged(std::string& out, Condition condition, std::string_view code, std::string_view text);

void append_number(std::string& out, std::uint64_t number);

// "\Seen $Junk", without parentheses.
void append_flags(std::string& out, const store::Message& message, const std::vector<std::string>& keywords,
                  bool recent);

// "17-Jul-1996 02:44:25 +0000", quoted.
void append_internal_date(std::string& out, std::int64_t seconds);

// A mailbox name for this client: modified UTF-7 unless it asked for UTF-8, quoted if need be.
void append_mailbox(std::string& out, std::string_view name, bool utf8);

// What a failure of the store means to a client: RFC 5530.
struct Refusal {
    std::string_view code;
    std::string text;
};
Refusal refusal_of(const Error& error);

} // namespace postern::imapd
