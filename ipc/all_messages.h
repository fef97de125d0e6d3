// Every message there is, once: what the round-trip test walks through and the fuzz target decodes.
#pragma once

#include "ipc/agent.h"
#include "ipc/auth.h"
#include "ipc/keys.h"
#include "ipc/mailbox.h"
#include "ipc/queue.h"

#include <tuple>

namespace postern::ipc {

using AllMessages = std::tuple<
    Login, LoginResult, Redeem, Identity, ReleaseHandle, CheckSender, SenderVerdict, ResolveRecipient, RecipientVerdict,
    AuthorizeRelay, RelayVerdict,
    Submit, Submitted, OpenLarge, LargeOpened, AbandonLarge, QueueList, QueueListing, QueueShow, QueueEntry,
    AgentReady, Deliver, DeliverResult,
    StoreMessage, Stored, OwnerReady, Checkpoint, CheckpointDone, OpenSession, SessionOpened,
    Sign, Signature>;

} // namespace postern::ipc
