// What qmgr tells the outside: events for the log, numbers for the metrics.
#pragma once

#include "qmgr/queue.h"

namespace postern::qmgr {

void tell_accepted(const QueueId& id, const ipc::Envelope& envelope, std::uint64_t bytes);
void tell_refused(const ipc::Envelope& envelope, std::string_view status, std::string_view reason);
void tell_recipient(const RecipientEvent& event);
void tell_reported(const QueueId& id, const QueueId& report, const ipc::Envelope& of_report, std::string_view action);
void tell_report_failed(const QueueId& id, std::string_view why);
void tell_operator(const ipc::Actor& actor, std::string_view action, std::uint64_t messages, std::uint64_t recipients);
void tell_corrupt(const QueueId& id, std::string_view why);

// Once a second.
void count_spool(const Spool& spool, const Queue& queue);
// Once a minute; an imbalance is an event too.
void count_conservation(const Queue::Conservation& account);

} // namespace postern::qmgr
