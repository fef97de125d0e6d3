#include "delivery/smtp/address_notes.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::smtp_out;

namespace {

const Outgoing::Recipient ann{0, "Ann@far.test", 0, ""};

std::optional<ipc::AddressNote> noted(const Outcome& outcome) { return note_of({1, 2, 3}, ann, outcome, "mx.far.test"); }

} // namespace

TEST_CASE("policyd hears of addresses that took mail, and of those that refuse it as addresses") {
    const auto taken = noted({ipc::DeliveryStatus::delivered, "2.1.5", "ok"});
    REQUIRE(taken);
    CHECK_FALSE(taken->refused);
    for (const auto code : {"5.1.1", "5.1.3", "5.1.6", "5.2.1"}) {
        const auto refused = noted(failed(code, std::string(300, 'x')));
        REQUIRE(refused);
        CHECK(refused->refused);
        CHECK(refused->address.view() == "Ann@far.test");
        CHECK(refused->host.view() == "mx.far.test");
        CHECK(refused->reply.view().size() == 200);
    }
}

TEST_CASE("a refusal for another reason, or for now, says nothing of the address") {
    for (const auto code : {"5.0.0", "5.1.2", "5.1.10", "5.2.2", "5.7.1", "5.4.6"}) CHECK_FALSE(noted(failed(code, "no")));
    for (const auto code : {"4.1.1", "4.2.1", "4.0.0"}) CHECK_FALSE(noted(deferred(code, "later")));
}
