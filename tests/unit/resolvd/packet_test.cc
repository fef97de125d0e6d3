#include "resolvd/extended_error.h"
#include "tests/unit/resolvd/message.h"

#include <catch2/catch.hpp>

#include <random>

using namespace postern;
using namespace postern::dns;
using ipc::DnsType;

namespace {

const Question question{"example.org", DnsType::a};

Query plain_query() { return make_query(question, 0x1234, {}, Want::anything); }

Reply must_read(const Message& message) {
    auto reply = read_reply(message.bytes());
    REQUIRE(reply);
    return std::move(*reply);
}

} // namespace

TEST_CASE("a query, octet for octet") {
    const std::string opt = std::string(1, '\0') + octets16(41) + octets16(1232) + octets32(0) + octets16(0);
    const std::string asked = wire_name("example.org") + octets16(type::a) + octets16(1);
    const auto expected = [&](unsigned flags) {
        return octets16(0x1234) + octets16(flags) + octets16(1) + octets16(0) + octets16(0) + octets16(1) + asked + opt;
    };
    CHECK(plain_query().wire == expected(0x0100));
    CHECK(plain_query().question_end == 12 + asked.size());
    CHECK(make_query(question, 0x1234, {}, Want::authentic).wire == expected(0x0120));
    CHECK(make_query(question, 0x1234, {}, Want::unchecked).wire == expected(0x0110));
    const unsigned char dice[] = {0b00000001};
    CHECK(make_query(question, 1, dice, Want::anything).wire.find("\7Example\3org") == 12);
}

TEST_CASE("whether it is our answer") {
    struct Case { const char* what; std::string bytes; Match expect; };
    const auto with = [](auto change) {
        Message message;
        change(message);
        return message.bytes();
    };
    const Case cases[] = {
        {"ours", Message().bytes(), Match::ours},
        {"nothing", "", Match::too_short},
        {"half a header", Message().bytes().substr(0, 11), Match::too_short},
        {"a header only", Message().bytes().substr(0, 12), Match::other_question},
        {"half a question", Message().bytes().substr(0, 20), Match::other_question},
        {"another id", with([](Message& m) { m.id = 0x1235; }), Match::other_id},
        {"a query", with([](Message& m) { m.flags = 0x0100; }), Match::no_answer},
        {"a notification", with([](Message& m) { m.flags = answer_flags | 0x2000; }), Match::no_answer},
        {"no question", with([](Message& m) { m.question.clear(); m.questions = 0; }), Match::other_question},
        {"two questions", with([](Message& m) { m.questions = 2; }), Match::other_question},
        {"another name", with([](Message& m) { m.question = wire_name("example.net") + octets16(type::a) + octets16(1); }), Match::other_question},
        {"another type", with([](Message& m) { m.question = wire_name("example.org") + octets16(type::mx) + octets16(1); }), Match::other_question},
        {"another class", with([](Message& m) { m.question = wire_name("example.org") + octets16(type::a) + octets16(3); }), Match::other_question},
        {"another case", with([](Message& m) { m.question[1] = 'E'; }), Match::other_case},
    };
    for (const Case& c : cases) {
        INFO(c.what);
        CHECK(match(plain_query(), c.bytes) == c.expect);
    }
}

TEST_CASE("records of each type") {
    struct Case { unsigned number; std::string data; DnsType type; std::uint16_t preference; std::string expect; };
    const Case cases[] = {
        {type::a, "\x01\x02\x03\x04", DnsType::a, 0, "\x01\x02\x03\x04"},
        {type::aaaa, std::string(16, '\7'), DnsType::aaaa, 0, std::string(16, '\7')},
        {type::mx, octets16(10) + wire_name("MX.example.org"), DnsType::mx, 10, "mx.example.org"},
        {type::mx, octets16(0) + wire_name(""), DnsType::mx, 0, ""},                       // RFC 7505
        {type::mx, octets16(10) + std::string("\2mx\xc0\x0c", 5), DnsType::mx, 10, "mx.example.org"},
        {type::txt, "\5v=spf\5 -all", DnsType::txt, 0, "v=spf -all"},
        {type::txt, std::string("\3a\0b", 4), DnsType::txt, 0, std::string("a\0b", 3)},
        {type::ptr, wire_name("host.example"), DnsType::ptr, 0, "host.example"},
        {type::tlsa, std::string("\3\1\1") + std::string(32, '\xab'), DnsType::tlsa, 0, std::string("\3\1\1") + std::string(32, '\xab')},
        {type::cname, wire_name("other.example"), DnsType::cname, 0, "other.example"},
    };
    for (const Case& c : cases) {
        INFO(c.number << " " << c.expect);
        Message message;
        message.answer = {record(to_question, c.number, 300, c.data)};
        const Reply reply = must_read(message);
        REQUIRE(reply.answer.size() == 1);
        const ResourceRecord& read = reply.answer.front();
        CHECK((read.owner == "example.org" && read.type == c.type && read.ttl == 300));
        CHECK(read.data.preference == c.preference);
        CHECK(read.data.data.value == c.expect);
    }
}

TEST_CASE("records that are left out") {
    struct Case { const char* what; std::string rr; std::size_t unusable; };
    const Case cases[] = {
        {"a type nobody asks for", record(to_question, type::srv, 1, octets32(0) + octets16(1) + wire_name("a")), 0},
        {"a class of others", record(to_question, type::a, 1, "\1\2\3\4", 3), 0},
        {"a name with a dot in a label", record(to_question, type::mx, 1, octets16(1) + std::string("\3a.b\0", 5)), 1},
        {"an owner with a blank", record(std::string_view("\3a b\0", 5), type::a, 1, "\1\2\3\4"), 1},
        {"a text that is too long", record(to_question, type::txt, 1, [] {
             std::string strings;
             for (int i = 0; i < 17; ++i) strings += '\xff' + std::string(255, 'x');
             return strings;
         }()), 1},
    };
    for (const Case& c : cases) {
        INFO(c.what);
        Message message;
        message.answer = {c.rr, record(to_question, type::a, 1, "\1\2\3\4")};
        const Reply reply = must_read(message);
        CHECK(reply.answer.size() == 1);
        CHECK(reply.unusable == c.unusable);
    }
}

TEST_CASE("what a header and the authority section say") {
    Message message;
    message.flags = answer_flags | flag_ad | nxdomain;
    message.authority = {record(wire_name("org"), type::soa, 900, soa_data(300))};
    Reply reply = must_read(message);
    CHECK((reply.code == nxdomain && reply.authentic && reply.recursive && !reply.truncated && !reply.delegates));
    CHECK(reply.denial_ttl == 300U);                                  // RFC 2308 section 5: the lesser of the two
    message.authority = {record(wire_name("org"), type::soa, 60, soa_data(300))};
    CHECK(must_read(message).denial_ttl == 60U);
    message.authority = {record(wire_name("org"), type::ns, 60, wire_name("ns.test"))};
    message.flags = 0x8100 | flag_tc;
    reply = must_read(message);
    CHECK((reply.delegates && reply.truncated && !reply.recursive && !reply.authentic && !reply.denial_ttl));
    message.answer = {record(to_question, type::a, 0x80000001, "\1\2\3\4")};
    CHECK(must_read(message).answer.front().ttl == 0);                // RFC 2181 section 8
}

TEST_CASE("what is malformed is an error, whatever it is") {
    const auto with_answer = [](const std::string& rr) {
        Message message;
        message.answer = {rr};
        return message.bytes();
    };
    const auto with_counts = [](unsigned count) {
        std::string bytes = Message().bytes();
        for (const std::size_t section : {6, 8, 10}) bytes.replace(section, 2, octets16(count));
        return bytes;
    };
    const std::size_t here = Message().bytes().size();                // where the first record begins
    const std::pair<const char*, std::string> cases[] = {
        {"nothing", ""},
        {"half a header", Message().bytes().substr(0, 7)},
        {"half a question", Message().bytes().substr(0, 18)},
        {"a giant count", with_counts(0xffff)},
        {"one record too few", with_counts(1)},
        {"a name that points to itself", with_answer(record(octets16(0xc000 | static_cast<unsigned>(here)), type::a, 1, "\1\2\3\4"))},
        {"two names that point to each other", with_answer(record(octets16(0xc000 | static_cast<unsigned>(here + 12)), type::cname, 1,
                                                                   octets16(0xc000 | static_cast<unsigned>(here))))},
        {"a pointer behind the end", with_answer(record("\xff\xff", type::a, 1, "\1\2\3\4"))},
        {"a label of no kind", with_answer(record("\x80", type::a, 1, "\1\2\3\4"))},
        {"a name that does not end", with_answer(std::string("\77abc"))},
        {"data longer than the message", with_answer(record(to_question, type::a, 1, "\1\2\3\4").substr(0, 14))},
        {"an address of three octets", with_answer(record(to_question, type::a, 1, "\1\2\3"))},
        {"a text that runs over its record", with_answer(record(to_question, type::txt, 1, "\377abc"))},
        {"an exchange without a name", with_answer(record(to_question, type::mx, 1, octets16(1)))},
    };
    for (const auto& [what, bytes] : cases) {
        INFO(what);
        const auto reply = read_reply(bytes);
        CHECK((!reply || (reply->answer.empty() && reply->unusable == 1)));
    }
}

TEST_CASE("why a server says SERVFAIL (RFC 8914)") {
    struct Case { const char* what; std::string options; std::optional<std::string> expect; };
    const Case cases[] = {
        {"nothing", "", std::nullopt},
        {"expired, in its words", option(15, octets16(7) + "since March"), "signature expired (since March)"},
        {"without words", option(15, octets16(6)), "bogus"},
        {"words with controls", option(15, octets16(9) + "a\r\nb"), "DNSKEY missing (a\\x0d\\x0ab)"},
        {"behind other options", option(10, "cookies!") + option(15, octets16(10)), "RRSIGs missing"},
        {"behind another error", option(15, octets16(23)) + option(15, octets16(12)), "NSEC missing"},
        {"a network error", option(15, octets16(23) + "timeout"), std::nullopt},
        {"an algorithm that is not known is no fault", option(15, octets16(1)), std::nullopt},
        {"no code", option(15, "\7"), std::nullopt},
        {"cut", option(15, octets16(7) + "abc").substr(0, 8), std::nullopt},
        {"half a head", std::string("\0\17\0", 3), std::nullopt},
        {"an empty option", option(3, "") + option(15, octets16(8)), "signature not yet valid"},
    };
    for (const Case& c : cases) {
        INFO(c.what);
        CHECK(validation_fault(c.options) == c.expect);
        Message message;
        message.flags = answer_flags | servfail;
        message.additional = {record(std::string_view("\0", 1), type::opt, 0, c.options, 1232)};
        const auto reply = read_reply(message.bytes());          // a whole message of an OPT record that is broken is none
        if (reply) CHECK(reply->validation_fault == c.expect);
        CHECK((reply || !c.expect));
    }
    const std::string long_words = option(15, octets16(7) + std::string(60000, 'x'));
    CHECK(validation_fault(long_words)->size() < 200);
}

TEST_CASE("names in thousands that all lead through thousands of pointers end", "[pointers]") {
    // Half of 64 KiB is a chain of pointers, each to the one before; the other half records whose owner is its end.
    Message message;
    const std::size_t start = message.bytes().size() + 11 + 0;        // the data of the first record, whose owner is the root
    std::string chain = wire_name("x");
    for (std::size_t at = 0; chain.size() < 16000; at = chain.size() - 2) chain += octets16(0xc000 | static_cast<unsigned>(start + (at == 0 ? 0 : at)));
    message.answer.push_back(record(std::string_view("\0", 1), 65280, 1, chain));
    const std::string end = octets16(0xc000 | static_cast<unsigned>(start + chain.size() - 2));
    while (message.bytes().size() < 60000) {
        std::string more;
        for (int i = 0; i < 100; ++i) message.answer.push_back(record(end, type::a, 1, "\1\2\3\4"));
    }
    const auto reply = read_reply(message.bytes());
    CHECK((!reply || reply->answer.size() + 1 == message.answer.size()));
}

TEST_CASE("octets at random are refused or read, and nothing else") {
    std::minstd_rand random(1);
    const std::string good = [] {
        Message message;
        message.answer = {record(to_question, type::mx, 1, octets16(1) + wire_name("a.b")), record(to_question, type::txt, 1, "\3abc")};
        return message.bytes();
    }();
    std::size_t refused = 0;
    for (int round = 0; round < 200000; ++round) {
        std::string bytes = good;
        if (round % 2 == 0) {
            bytes.resize(12 + random() % 200);
            for (char& c : bytes) c = static_cast<char>(random());
        } else {
            for (unsigned i = 0; i <= random() % 4; ++i) bytes[random() % bytes.size()] = static_cast<char>(random());
        }
        if (match(plain_query(), bytes) != Match::ours) ++refused;
        (void)read_reply(bytes).ok();
    }
    CHECK(refused > 100000);                                          // nobody guesses a question
}
