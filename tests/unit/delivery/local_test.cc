#include "delivery/local/compose.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::local;

TEST_CASE("a delivered message begins with Return-Path, then Delivered-To, then the trace") {
    ipc::Deliver job;
    job.reverse_path = "a@b.example";
    job.trace_header = "Received: from x by y;\r\n\tnow\r\n";
    job.large = true;
    ipc::DeliverRecipient recipient;
    recipient.index = 3;
    recipient.recipient.account = 7;
    recipient.recipient.address = "ann@example.org";
    const ipc::StoreMessage request = store_request(job, recipient);
    CHECK(request.header.value == "Return-Path: <a@b.example>\r\nDelivered-To: ann@example.org\r\n"
                                  "Received: from x by y;\r\n\tnow\r\n");
    CHECK(request.key == ipc::DeliveryKey{job.id, 7, 0});
    CHECK(request.large);
    CHECK(request.mailbox.value == "INBOX");
    job.reverse_path = "";
    CHECK(store_request(job, recipient).header.value.starts_with("Return-Path: <>\r\n"));
}

TEST_CASE("only a gone account fails for good; what may pass is tried again") {
    using ipc::DeliveryStatus;
    using ipc::StoreStatus;
    const std::pair<StoreStatus, DeliveryStatus> cases[] = {{StoreStatus::stored, DeliveryStatus::delivered},
                                                            {StoreStatus::over_quota, DeliveryStatus::deferred},
                                                            {StoreStatus::no_account, DeliveryStatus::failed},
                                                            {StoreStatus::unavailable, DeliveryStatus::deferred},
                                                            {StoreStatus::no_space, DeliveryStatus::deferred}};
    for (const auto& [status, expect] : cases) {
        const auto outcome = outcome_of(5, ipc::Stored{status, false, {}});
        CHECK(outcome.status == expect);
        CHECK(outcome.index == 5);
        CHECK_FALSE(outcome.code.empty());
    }
    CHECK(outcome_of(1, Error(Errc::closed, "the peer is gone")).status == DeliveryStatus::deferred);
}
