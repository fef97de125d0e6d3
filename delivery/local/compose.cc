#include "delivery/local/compose.h"

#include "libcommon/text.h"

namespace postern::local {

std::string prepended_header(const ipc::Deliver& job, const ipc::EnvelopeRecipient& recipient) {
    std::string lines = "Return-Path: <" + job.reverse_path.value + ">\r\n";
    lines += "Delivered-To: " + recipient.address.value + "\r\n";
    return lines + job.trace_header.value;
}

ipc::StoreMessage store_request(const ipc::Deliver& job, const ipc::DeliverRecipient& recipient) {
    ipc::StoreMessage request;
    request.trace = job.trace;
    request.key = {job.id, recipient.recipient.account, 0};
    request.mailbox = "INBOX";
    request.arrived = job.arrived;
    request.header = prepended_header(job, recipient.recipient);
    request.large = job.large;
    return request;
}

namespace {

struct Meaning {
    ipc::StoreStatus status;
    ipc::DeliveryStatus delivery;
    const char* code;            // RFC 3463
    const char* text;
};
constexpr Meaning meanings[] = {
    {ipc::StoreStatus::stored, ipc::DeliveryStatus::delivered, "2.1.5", "delivered to the mailbox"},
    // The quota was asked for at RCPT: full since then is for the owner to mend, not a reason to bounce.
    {ipc::StoreStatus::over_quota, ipc::DeliveryStatus::deferred, "4.2.2", "the mailbox is full"},
    {ipc::StoreStatus::no_account, ipc::DeliveryStatus::failed, "5.1.1", "the account is gone"},
    {ipc::StoreStatus::unavailable, ipc::DeliveryStatus::deferred, "4.3.0", "the mailbox cannot be written now"},
    {ipc::StoreStatus::no_space, ipc::DeliveryStatus::deferred, "4.3.1", "the disk of the mailbox is full"},
};

} // namespace

ipc::RecipientOutcome outcome_of(std::uint32_t index, const Result<ipc::Stored>& stored) {
    if (!stored) return {index, ipc::DeliveryStatus::deferred, "4.3.0", printable(stored.error().message(), 120)};
    const Meaning& meaning = meanings[static_cast<std::size_t>(stored->status)];
    std::string diagnostic = meaning.text;
    if (!stored->reason.empty()) diagnostic += ": " + printable(stored->reason.view(), 100);
    return {index, meaning.delivery, meaning.code, diagnostic};
}

} // namespace postern::local
