// What `local` makes of one recipient of one message: the request to the mailbox's owner. Pure.
#pragma once

#include "ipc/agent.h"
#include "ipc/mailbox.h"

namespace postern::local {

// Return-Path first (RFC 5321 section 4.4), then Delivered-To (RFC 9228), then the trace lines of every hop.
std::string prepended_header(const ipc::Deliver& job, const ipc::EnvelopeRecipient& recipient);

// The request without its body, which is shared by all recipients of the job.
ipc::StoreMessage store_request(const ipc::Deliver& job, const ipc::DeliverRecipient& recipient);

// What imapd's answer means to the queue: nothing that may pass is ever a failure for good.
ipc::RecipientOutcome outcome_of(std::uint32_t index, const Result<ipc::Stored>& stored);

} // namespace postern::local
