// Names of mailboxes: which are allowed, and the name of the Maildir++ directory that holds one; pure.
#pragma once

#include "libcommon/result.h"

#include <optional>
#include <string>
#include <string_view>

namespace postern::store {

constexpr std::size_t max_mailbox_name = 1000;

// The form a name is kept in: UTF-8 without control characters, INBOX in capitals, no empty level, no "/" at the
// end (RFC 3501 section 6.3.3 lets a client send one).
Result<std::string> canonical_mailbox_name(std::string_view name);

// ".Work.2024" for "Work/2024": Maildir++, with what is not a plain character in modified UTF-7 (RFC 3501 section
// 5.1.3), as the Maildir servers in use write it. Nothing when the directory name would be too long: the caller
// numbers it instead.
std::optional<std::string> folder_directory(std::string_view name);

// The other way, for a folder found without its side file. Nothing for what is no Maildir++ folder.
std::optional<std::string> folder_mailbox(std::string_view directory);

} // namespace postern::store
