#include "smtpd/transaction.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::smtpd;

namespace {
ipc::RecipientVerdict deliver(std::vector<ipc::LocalTarget> targets, std::vector<ipc::Address> forwards = {}) {
    return {ipc::RecipientStatus::deliver, std::move(targets), std::move(forwards)};
}

ipc::RecipientVerdict taking(AccountId account, std::uint64_t size_limit, std::uint64_t room) {
    ipc::RecipientVerdict verdict = deliver({{account, "x@example.org", {}}});
    verdict.size_limit = size_limit;
    verdict.room = room;
    return verdict;
}
} // namespace

TEST_CASE("an account gets one copy however it was reached") {
    Transaction transaction("bob@example.net", 0, ipc::BodyKind::seven_bit);
    CHECK(transaction.add_local("ann@example.org", deliver({{1, "ann@example.org", {}}})));
    CHECK(transaction.add_local("all@example.org",
                                deliver({{1, "ann@example.org", {}}, {2, "ben@example.org", {}}}, {"far@example.com"})));
    CHECK(transaction.add_local("more@example.org", deliver({}, {"far@example.com"})));
    CHECK(transaction.accepted() == 3);
    CHECK(transaction.only_recipient().empty());
    const auto recipients = transaction.take_recipients();
    REQUIRE(recipients.size() == 3);
    CHECK(recipients[0].forward_path == "ann@example.org");
    CHECK(recipients[1].account == 2);
    CHECK(recipients[1].forward_path == "all@example.org");
    CHECK(recipients[2].account == 0);
    CHECK(recipients[2].address == "far@example.com");
}

TEST_CASE("an envelope that is full takes no part of a list") {
    Transaction transaction;
    std::vector<ipc::LocalTarget> many;
    for (AccountId id = 1; id <= 250; ++id) many.push_back({id, "x@example.org", {}});
    for (AccountId round = 0; round < 4; ++round) {
        for (ipc::LocalTarget& target : many) target.account += 1000 * round;
        CHECK(transaction.add_local("list@example.org", deliver(many)));
    }
    CHECK_FALSE(transaction.add_local("one@example.org", deliver({{9999, "one@example.org", {}}})));
    CHECK_FALSE(transaction.add_foreign("far@example.com"));
    CHECK(transaction.accepted() == 4);
    CHECK(transaction.take_recipients().size() == 1000);
}

TEST_CASE("whom a RCPT leads to is reported about as that RCPT asked") {
    Transaction transaction("bob@example.net", 0, ipc::BodyKind::seven_bit);
    const ipc::RecipientDsn never{0, ipc::notify::never, "rfc822;all@example.org"};
    CHECK(transaction.add_local("ann@example.org", deliver({{1, "ann@example.org", {}}})));
    CHECK(transaction.add_local("all@example.org",
                                deliver({{1, "ann@example.org", {}}, {2, "ben@example.org", {}}}, {"far@example.com"}), never));
    CHECK(transaction.add_foreign("else@example.com", {0, ipc::notify::delay, {}}));
    const auto dsn = transaction.take_extensions().recipients.items;
    REQUIRE(dsn.size() == 3);
    CHECK(dsn[0] == ipc::RecipientDsn{1, ipc::notify::never, "rfc822;all@example.org"});   // ben; ann was there already
    CHECK(dsn[1] == ipc::RecipientDsn{2, ipc::notify::never, "rfc822;all@example.org"});
    CHECK(dsn[2] == ipc::RecipientDsn{3, ipc::notify::delay, {}});
}

TEST_CASE("what a message's size says to each recipient, and to all of them in one reply") {
    using Fit = Transaction::Fit;
    Transaction transaction;
    CHECK(transaction.add_local("full@example.org", taking(1, 0, 100)));
    CHECK(transaction.fit(100) == Fit::fits);
    CHECK(transaction.fit(101) == Fit::over_quota);
    CHECK(transaction.add_local("empty@example.org", taking(2, 0, 5000)));
    CHECK(transaction.fit(101) == Fit::fits);                // one has room: none is to miss it
    CHECK(transaction.fit(101, 0) == Fit::over_quota);
    CHECK(transaction.fit(101, 1) == Fit::fits);
    CHECK(transaction.fit(5001) == Fit::over_quota);
    CHECK(transaction.add_foreign("far@example.com"));
    CHECK(transaction.fit(5001) == Fit::fits);
    CHECK(transaction.add_local("small@example.org", taking(3, 500, 0)));
    CHECK(transaction.fit(501) == Fit::too_large);           // its rule binds the message
    CHECK(transaction.fit(501, 1) == Fit::fits);
    transaction.limit_sender(300);
    CHECK(transaction.fit(300) == Fit::fits);
    CHECK(transaction.fit(301) == Fit::too_large_to_send);
    CHECK(transaction.fit(301, 1) == Fit::too_large_to_send);
}

TEST_CASE("who leaves the envelope takes along what was asked for it") {
    Transaction transaction("bob@example.net", 0, ipc::BodyKind::seven_bit);
    REQUIRE(transaction.add_local("full@example.org", taking(1, 0, 100), {0, ipc::notify::never, "rfc822;full@example.org"}));
    REQUIRE(transaction.add_local("ann@example.org", taking(2, 0, 0), {0, ipc::notify::failure, "rfc822;ann@example.org"}));
    CHECK(transaction.drop_unfit(100) == Transaction::Fit::fits);
    CHECK(transaction.drop_unfit(101) == Transaction::Fit::fits);
    const auto recipients = transaction.take_recipients();
    REQUIRE(recipients.size() == 1);
    CHECK(recipients[0].account == 2);
    const auto extensions = transaction.take_extensions();
    REQUIRE(extensions.recipients.size() == 1);
    CHECK(extensions.recipients.items[0].index == 0);
    CHECK(extensions.recipients.items[0].original.view() == "rfc822;ann@example.org");
}

TEST_CASE("who is reached by another name that fits does not leave") {
    Transaction transaction("bob@example.net", 0, ipc::BodyKind::seven_bit);
    REQUIRE(transaction.add_local("full@example.org", taking(1, 0, 100)));
    REQUIRE(transaction.add_local("postmaster@example.org", taking(1, 0, 0)));
    REQUIRE(transaction.add_local("ann@example.org", taking(2, 0, 0)));
    CHECK(transaction.drop_unfit(101) == Transaction::Fit::fits);
    const auto recipients = transaction.take_recipients();
    REQUIRE(recipients.size() == 2);
    CHECK(recipients[0].account == 1);
    CHECK(recipients[0].forward_path.view() == "postmaster@example.org");
}

TEST_CASE("what an address sends on leaves as it says, and keeps that when others leave the envelope") {
    Transaction transaction("bob@example.net", 0, ipc::BodyKind::seven_bit);
    auto forwarding = deliver({{3, "carl@example.org", {}}}, {"far@example.com", "away@example.com"});
    forwarding.reverse_path = "SRS0=AAAAAA=AA=example.net=bob@example.org";
    REQUIRE(transaction.add_local("full@example.org", taking(1, 0, 100)));
    REQUIRE(transaction.add_local("plain@example.org", deliver({}, {"plain@example.com"})));
    REQUIRE(transaction.add_local("list@example.org", forwarding));
    REQUIRE(transaction.add_local("again@example.org", forwarding));
    CHECK(transaction.drop_unfit(101) == Transaction::Fit::fits);
    const auto recipients = transaction.take_recipients();
    const auto forwarded = transaction.take_forwarded();
    REQUIRE(forwarded.size() == 2);
    CHECK(recipients.at(forwarded.items[0].index).address == "far@example.com");
    CHECK(recipients.at(forwarded.items[1].index).address == "away@example.com");
    CHECK(forwarded.items[1].reverse_path == forwarding.reverse_path);
}
