// Whose submissions are the suite's own mail, and go anywhere without anybody's account: those of the one service that writes mail
// and speaks with no client. It is told by the channel, which master made, never by the message.
#pragma once

#include "ipc/service_id.h"

namespace postern::qmgr {

constexpr bool is_own_mail(ipc::ServiceId from) { return from == ipc::ServiceId::tlspolicyd; }

} // namespace postern::qmgr
