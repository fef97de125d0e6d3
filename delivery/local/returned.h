// What comes back about messages that went elsewhere: reports of other hosts, tied to the message they speak of, for who asks what
// became of it, and policyd told of addresses that refuse mail. They are delivered like all mail.
#pragma once

#include "ipc/agent.h"
#include "ipc/suppression.h"
#include "libcommon/owned.h"
#include "libmail/received_report.h"

#include <optional>
#include <string>

namespace postern::local {

// The queue id that this host gave the message, as its own Received field in it says.
std::optional<QueueId> queue_id_of(const mail::ReceivedReport& report, std::string_view hostname);

// An event for each recipient the report speaks of, found by mailctl explain under the message's queue id, its Message-ID and the
// recipient. Our own reports have events already. The answer: what it says of addresses; policyd knows whether to believe it.
// `large` is the body of a message whose body is not in it; of its bytes the first decide.
ipc::NoteAddresses tell_returned(const ipc::Deliver& message, const Fd& large, std::string_view hostname);

} // namespace postern::local
