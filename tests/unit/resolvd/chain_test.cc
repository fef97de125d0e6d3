#include "resolvd/chain.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::dns;
using ipc::DnsStatus;
using ipc::DnsType;
using Step = Chain::Step;

namespace {

constexpr unsigned no_error = 0, servfail = 2, nxdomain = 3, refused = 5;

ResourceRecord alias(std::string owner, std::string target, std::uint32_t ttl = 300) {
    ResourceRecord record{std::move(owner), DnsType::cname, ttl, {}};
    record.data.data = std::move(target);
    return record;
}
ResourceRecord address(std::string owner, std::uint32_t ttl = 300) {
    ResourceRecord record{std::move(owner), DnsType::a, ttl, {}};
    record.data.data = "\1\2\3\4";
    return record;
}
Reply reply_of(std::vector<ResourceRecord> answer, unsigned code = no_error, std::optional<std::uint32_t> denial_ttl = std::nullopt) {
    Reply reply;
    reply.code = code;
    reply.recursive = true;
    reply.authentic = true;
    reply.answer = std::move(answer);
    reply.denial_ttl = denial_ttl;
    return reply;
}
Chain chain_of(DnsType type = DnsType::a) { return Chain({"a", type}); }

} // namespace

TEST_CASE("records of the name asked for") {
    Chain chain = chain_of();
    CHECK(chain.take(reply_of({address("b"), address("a", 70), alias("b", "c"), address("a", 50)}), true) == Step::done);
    const auto& answer = chain.answer();
    CHECK((answer.status == DnsStatus::found && answer.authentic && answer.ttl == 50 && answer.canonical.value == "a"));
    CHECK(answer.records.size() == 2);
}

TEST_CASE("aliases are followed in whatever order they come, the least TTL counts") {
    Chain chain = chain_of();
    CHECK(chain.take(reply_of({address("c", 500), alias("b", "c", 40), alias("a", "b", 60)}), true) == Step::done);
    CHECK((chain.answer().canonical.value == "c" && chain.answer().ttl == 40 && chain.answer().records.size() == 1));

    Chain itself = chain_of(DnsType::cname);
    CHECK(itself.take(reply_of({alias("a", "b"), alias("b", "c")}), true) == Step::done);
    CHECK((itself.answer().canonical.value == "a" && itself.answer().records.items.front().data.value == "b"));
}

TEST_CASE("an alias that leads out of the answer is asked for") {
    Chain chain = chain_of();
    CHECK(chain.take(reply_of({alias("a", "b", 60)}), true) == Step::go_on);
    CHECK(chain.question() == Question{"b", DnsType::a});
    SECTION("and found") {
        CHECK(chain.take(reply_of({address("b", 90)}), true) == Step::done);
        CHECK((chain.answer().status == DnsStatus::found && chain.answer().ttl == 60 && chain.answer().authentic));
    }
    SECTION("and denied") {
        CHECK(chain.take(reply_of({}, nxdomain, 30), true) == Step::done);
        CHECK((chain.answer().status == DnsStatus::no_name && chain.answer().ttl == 30 && chain.answer().canonical.value == "b"));
    }
    SECTION("and nobody vouches for one of the two") {
        CHECK(chain.take(reply_of({address("b")}), false) == Step::done);
        CHECK_FALSE(chain.answer().authentic);
    }
}

TEST_CASE("denials") {
    struct Case { const char* what; Reply reply; Step step; DnsStatus status; std::uint32_t ttl; };
    Reply lame = reply_of({}), referral = reply_of({});
    lame.recursive = false;
    referral.delegates = true;
    const Case cases[] = {
        {"no name", reply_of({}, nxdomain, 30), Step::done, DnsStatus::no_name, 30},
        {"no data", reply_of({}, no_error, 20), Step::done, DnsStatus::no_data, 20},
        {"nobody says how long", reply_of({}, nxdomain), Step::done, DnsStatus::no_name, 0},
        {"nor here", reply_of({}), Step::done, DnsStatus::no_data, 0},
        {"an alias of nothing", reply_of({alias("a", "b", 10)}, nxdomain, 30), Step::done, DnsStatus::no_name, 10},
        {"an alias without data", reply_of({alias("a", "b", 10)}, no_error, 5), Step::done, DnsStatus::no_data, 5},
        {"lame", lame, Step::refused, DnsStatus::failed, 0},
        {"a referral", referral, Step::refused, DnsStatus::failed, 0},
        {"REFUSED", reply_of({address("a")}, refused), Step::refused, DnsStatus::failed, 0},
    };
    for (const Case& c : cases) {
        INFO(c.what);
        Chain chain = chain_of();
        CHECK(chain.take(c.reply, true) == c.step);
        if (c.step == Step::refused) CHECK_FALSE(chain.why().empty());
        if (c.step == Step::done) CHECK((chain.answer().status == c.status && chain.answer().ttl == c.ttl && chain.answer().authentic));
    }
}

TEST_CASE("AD counts from who is trusted, and of every reply") {
    Reply plain = reply_of({address("a")});
    plain.authentic = false;
    Chain without = chain_of(), untrusted = chain_of();
    CHECK(without.take(plain, true) == Step::done);
    CHECK_FALSE(without.answer().authentic);
    CHECK(untrusted.take(reply_of({address("a")}), false) == Step::done);
    CHECK_FALSE(untrusted.answer().authentic);
}

TEST_CASE("what does not validate is told from who cannot say") {
    Reply said = reply_of({}, servfail);
    said.validation_fault = "signature expired";
    Chain chain = chain_of();
    CHECK(chain.take(said, false) == Step::refused);           // of a server that is not trusted it is hearsay
    CHECK(chain.why() == "SERVFAIL");
    CHECK(chain.take(reply_of({}, servfail), false) == Step::refused);
    CHECK(chain.take(said, true) == Step::bogus);
    CHECK(chain.why() == "signature expired");
    CHECK(chain.take(reply_of({}, servfail), true) == Step::unclear);
    CHECK(chain.why() == "SERVFAIL");
    SECTION("it has an answer, but for its validation") {
        CHECK(chain.take_unchecked(reply_of({address("a")})) == Step::bogus);
        CHECK(chain.why() == "there is an answer, but only unchecked");
    }
    SECTION("it has a denial, but for its validation") { CHECK(chain.take_unchecked(reply_of({}, nxdomain)) == Step::bogus); }
    SECTION("it has none either way") {
        for (const unsigned code : {servfail, refused}) CHECK(chain.take_unchecked(reply_of({}, code)) == Step::refused);
        CHECK(chain.why() == "SERVFAIL");
    }
    // Nothing of it is in what another server answers.
    CHECK(chain.take(reply_of({address("a", 50)}), true) == Step::done);
    CHECK((chain.answer().status == DnsStatus::found && chain.answer().records.size() == 1 && chain.answer().ttl == 50));
}

TEST_CASE("who cannot say takes nothing from what the next one says") {
    Reply lame = reply_of({});
    lame.recursive = lame.authentic = false;
    Chain chain = chain_of();
    CHECK(chain.take(lame, false) == Step::refused);
    CHECK(chain.take(reply_of({address("a")}), true) == Step::done);
    CHECK((chain.answer().authentic && chain.answer().status == DnsStatus::found));
}

TEST_CASE("aliases without end fail") {
    Chain circle = chain_of();
    CHECK(circle.take(reply_of({alias("a", "b"), alias("b", "a")}), true) == Step::done);
    CHECK(circle.answer().status == DnsStatus::failed);
    CHECK_FALSE(circle.answer().authentic);

    Chain one_by_one = chain_of();
    unsigned replies = 0;
    while (one_by_one.take(reply_of({alias(one_by_one.question().name, one_by_one.question().name + "x")}), true) == Step::go_on) ++replies;
    CHECK(replies == Chain::max_links);
    CHECK(one_by_one.answer().status == DnsStatus::failed);
}

TEST_CASE("what cannot be used is no denial, and more than an answer holds is left out") {
    Reply unusable = reply_of({}, no_error, 30);
    unusable.unusable = 1;
    Chain chain = chain_of();
    CHECK(chain.take(unusable, true) == Step::done);
    CHECK(chain.answer().status == DnsStatus::failed);

    Chain many = chain_of();
    CHECK(many.take(reply_of(std::vector<ResourceRecord>(1000, address("a"))), true) == Step::done);
    CHECK(many.answer().records.size() == 256);
}
