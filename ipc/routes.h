// Who may send what to whom. Anything else is refused unread.
#pragma once

#include "ipc/message_type.h"
#include "ipc/service_id.h"

namespace postern::ipc {

// May `from` send a message of this type to `to` on its own account? Replies follow the request they answer.
bool may_send(ServiceId from, ServiceId to, MessageType type);

// May `from` ask master for a channel to `to`? True when a route in either direction exists and the row in the
// service table names it.
bool may_connect(ServiceId from, ServiceId to);

} // namespace postern::ipc
