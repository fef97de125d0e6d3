#include "libmail/address_list.h"
#include "libmail/date.h"
#include "libmail/envelope.h"
#include "libmail/headers.h"
#include "libmail/parameters.h"
#include "imap_syntax.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::mail;

namespace {

std::string describe_list(std::string_view body) {
    std::string out;
    AddressListParser parser(body);
    HeaderAddress a;
    while (parser.next(a)) {
        if (!out.empty()) out += " | ";
        if (a.kind == HeaderAddress::Kind::group_end) out += ";";
        else if (a.kind == HeaderAddress::Kind::group_begin) out += a.name + ":";
        else out += (a.has_name ? a.name + " " : "") + "<" + (a.route.empty() ? "" : a.route + ":") + a.local_part + "@" + a.domain + ">";
    }
    return out;
}

struct Case { std::string_view text, expect; };
constexpr Case lists[] = {
    {"", ""},
    {" ", ""},
    {",,,", ""},
    {"ann@example.org", "<ann@example.org>"},
    {"<ann@example.org>", "<ann@example.org>"},
    {"Ann <ann@example.org>", "Ann <ann@example.org>"},
    {"Ann Lee <ann@example.org>, bob@b.org", "Ann Lee <ann@example.org> | <bob@b.org>"},
    {"\"Lee, Ann\" <ann@example.org>", "Lee, Ann <ann@example.org>"},
    {"\"a \\\"q\\\" b\" <a@b.org>", "a \"q\" b <a@b.org>"},
    {"Dr. A. Lee <a@b.org>", "Dr. A. Lee <a@b.org>"},
    {"ann@example.org (Ann Lee)", "Ann Lee <ann@example.org>"},
    {"Ann <a@b.org> (work)", "Ann <a@b.org>"},
    {"(c) ann (c(c)) @ (c) example . org", "c <ann@example.org>"},
    {"\"a b\"@b.org", "<a b@b.org>"},
    {"a@[192.0.2.1]", "<a@[192.0.2.1]>"},
    {"Friends: a@b.org, Bob <b@b.org>;", "Friends: | <a@b.org> | Bob <b@b.org> | ;"},
    {"Undisclosed recipients:;", "Undisclosed recipients: | ;"},
    {"A:a@b.org;, c@d.org", "A: | <a@b.org> | ; | <c@d.org>"},
    {"A:a@b.org", "A: | <a@b.org> | ;"},                                  // never closed
    {"<@r.org,@s.org:a@b.org>", "<@r.org,@s.org:a@b.org>"},
    {"=?utf-8?q?J=C3=B6rg?= <j@b.org>", "=?utf-8?q?J=C3=B6rg?= <j@b.org>"},
    {"root", "<root@>"},
    {"Ann Lee", "<Ann Lee@>"},
    {"Ann <>", "Ann <@>"},
    {"Ann <ann>", "Ann <ann@>"},
    {"a@b.org; c@d.org", "<a@b.org> | <c@d.org>"},                        // semicolons where commas belong
    {"a@b.org c@d.org", "<a@b.org>"},
    {"Ann <a@b.org", "Ann <a@b.org>"},
    {"\"unfinished <a@b.org>", "<unfinished <a@b.org>@>"},
    {"Ann\r\n Lee\r\n <a@b.org>,\r\n\tb@c.org", "Ann Lee <a@b.org> | <b@c.org>"},
    {"@", "<@>"},
    {"<>", "<@>"},
    {"(only a comment)", ""},
};

struct DateCase { std::string_view text; std::int64_t seconds; int zone; };
constexpr DateCase dates[] = {
    {"Thu, 01 Jan 1970 00:00:00 +0000", 0, 0},
    {"Fri, 21 Nov 1997 09:55:06 -0600", 880127706, -360},
    {"21 Nov 97 09:55:06 GMT", 880106106, 0},
    {"21 Nov 1997 09:55 +0000", 880106100, 0},
    {"Thu, 13 Feb 1969 23:32 -0330", -27723480, -210},
    {" Fri , 21 Nov 1997 09(comment): 55 : 06 -0600", 880127706, -360},
    {"1-Jan-2026 00:00:00 +0100", 1767222000, 60},
    {"Mon, 1 Jan 2026 00:00:00 EST", 1767243600, -300},
    {"Mon, 29 Feb 2024 12:00:00 +0000 (UTC)", 1709208000, 0},
    {"Tue, 1 Jul 2003 10:52:37 XYZ", 1057056757, 0},
};

} // namespace

TEST_CASE("address lists: what RFC 5322 allows and what people write") {
    for (const Case& c : lists) {
        INFO(c.text);
        CHECK(describe_list(c.text) == c.expect);
    }
}

// What is not clear may show one reader an address that another does not see.
TEST_CASE("a list is clear when nobody can read it in another way") {
    struct Clear { std::string_view text; bool clear; };
    constexpr Clear cases[] = {
        {"", true}, {",,a@b.org", true}, {"a@b.org", true}, {"<a@b.org>", true}, {"Ann <a@b.org>, \"x@y.org\" <b@b.org>", true},
        {"Dr. A. Lee <a@b.org> (work)", true}, {"a@b.org (x@y.org)", true}, {"(x@y.org) a@b.org", true},
        {"F:a@b.org,Bob <b@b.org>;, c@d.org", true}, {"\"a\"@b.org", true}, {"a@[192.0.2.1]", true},
        {"=?utf-8?q?x=40y?= <a@b.org>", true}, {"Ann\r\n <a@b.org>\r\n", true}, {"Ann <a@b.org >", true},
        {"a@b.org x@y.org", false}, {"x@y.org <a@b.org>", false}, {"<a@b.org> <x@y.org>", false}, {"<a@b.org> x", false},
        {"a@b.org\r\n x@y.org", false}, {"a@b.org(c)@y.org", false}, {"a@b.org (x@y.org", false}, {"\"x <a@b.org>", false},
        {"Ann <a@b.org", false}, {"Ann <a@b.org x>", false}, {"Ann <x a@b.org>", false}, {"x a@b.org", false},
        {"a@b .org", false}, {"a@b.(c)org", false}, {"<@x.org:a@b.org>", false}, {"F:a@b.org", false}, {"F:G:a@b.org;", false},
        {"a@b.org;x@y.org", false}, {"a@b.org>", false}, {"=?utf-8?q?x@y.org?= <a@b.org>", false}, {"a@[192.0.2.1", false},
        {"x@y.org\x01<a@b.org>", false},
    };
    for (const Clear& c : cases) {
        INFO(c.text);
        AddressListParser parser(c.text);
        HeaderAddress address;
        while (parser.next(address)) {}
        CHECK(parser.clear() == c.clear);
    }
}

TEST_CASE("a field of 100,000 addresses is one pass (TESTCARD C1)") {
    std::string body;
    for (int i = 0; i < 100'000; ++i) body += "Name " + std::to_string(i) + " <a@b.org>,\r\n ";
    AddressListParser parser(body);
    HeaderAddress a;
    std::size_t count = 0;
    while (parser.next(a)) ++count;
    CHECK(count == 100'000);
    CHECK(envelope_text("To: " + std::string(100'000, '(') + "\r\n").size() < 200);
}

TEST_CASE("dates: RFC 5322 section 3.3 and 4.3") {
    for (const DateCase& c : dates) {
        INFO(c.text);
        const auto date = parse_date(c.text);
        REQUIRE(date);
        CHECK(date->seconds == c.seconds);
        CHECK(date->zone_minutes == c.zone);
        CHECK(parse_date(format_date(*date)) == date);
    }
    for (std::string_view bad : {"", "yesterday", "32 Jan 2026 00:00:00 +0000", "30 Feb 2026 00:00 +0000", "1 Jan 2026", "1 Foo 2026 00:00 +0000", "1 Jan 2026 24:00 +0000"}) {
        INFO(bad);
        CHECK_FALSE(parse_date(bad));
    }
    CHECK(format_date({880127706, -360}) == "Fri, 21 Nov 1997 09:55:06 -0600");
    CHECK(parse_date("1 Jan 2026 00:30:00 +0200")->written_day() == day_of(2026, 1, 1));
}

TEST_CASE("header fields are found where they are, folded or broken") {
    const std::string text = "From x\r\nSubject: a\r\n b\r\n\tc\r\nX : y\nNo colon here\r\nLast: z\r\n\r\nBody: no\r\n";
    HeaderScanner scanner(text);
    std::string seen;
    std::size_t end = 0;
    while (const auto field = scanner.next()) {
        CHECK(field->begin == end);
        end = field->end;
        seen += "[" + std::string(field->name) + "=" + unfold(field->body) + "]";
    }
    CHECK(seen == "[=From x][Subject=a b\tc][X=y][=No colon here][Last=z]");
    CHECK(text.substr(scanner.body_begin()) == "Body: no\r\n");
    CHECK(find_field(text, "LAST")->body == " z");
    CHECK_FALSE(find_field(text, "Body"));
    CHECK_FALSE(find_field("", "a"));
    CHECK_FALSE(find_field("\r\na: b", "a"));
}

TEST_CASE("parameters: RFC 2045, and RFC 2231's pieces put together") {
    const std::pair<std::string_view, std::string_view> cases[] = {
        {"text/plain; charset=utf-8", "charset=utf-8;"},
        {"text/plain; charset=\"utf-8\"; format=flowed", "charset=utf-8;format=flowed;"},
        {"text/plain;charset = utf-8 (comment) ; x=y", "charset=utf-8;x=y;"},
        {"a/b; name=\"a\\\"b;c\"", "name=a\"b;c;"},
        {"a/b; name=un quoted; x=y", "name=un;x=y;"},
        {"a/b;; ;x=y", "x=y;"},
        {"a/b; novalue; x=y", "x=y;"},
        {"a/b; x*0=one; x*1=\" two\"", "x=one two;"},
        {"a/b; x*1=two; x*0=one", "x=onetwo;"},
        {"a/b; x*0*=utf-8'en'a%20; x*1=\"b c\"", "x*=utf-8'en'a%20b%20c;"},
        {"a/b; x*=utf-8''%e2%82%ac", "x*=utf-8''%e2%82%ac;"},
        {"a/b; x*0=one; x*2=three", "x=one;"},
    };
    for (const auto& [text, expect] : cases) {
        FieldValue value(text);
        value.token();
        value.accept('/');
        value.token();
        std::string got;
        for (const Parameter& p : value.parameters()) got += p.name + "=" + p.value + ";";
        INFO(text);
        CHECK(got == expect);
    }
    std::string many = "a/b";
    for (int i = 0; i < 20'000; ++i) many += "; x*" + std::to_string(i) + "=y";   // TESTCARD C3
    FieldValue value(many);
    CHECK(value.parameters().size() <= max_parameters);
}

TEST_CASE("envelopes: RFC 9051 section 7.5.2") {
    CHECK(envelope_text("") == "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
    CHECK(envelope_text("Date: d\r\nSubject: =?utf-8?q?x?=\r\nFrom: Ann <a@b.org>\r\nTo: g:x@y.org;, root\r\n"
                        "Sender:\r\nMessage-ID: <1@b.org>\r\nSubject: second\r\n\r\nCc: not@header.org\r\n") ==
          "(\"d\" \"=?utf-8?q?x?=\" ((\"Ann\" NIL \"a\" \"b.org\")) ((\"Ann\" NIL \"a\" \"b.org\")) "
          "((\"Ann\" NIL \"a\" \"b.org\")) ((NIL NIL \"g\" NIL)(NIL NIL \"x\" \"y.org\")(NIL NIL NIL NIL)"
          "(NIL NIL \"root\" \"MISSING_DOMAIN\")) NIL NIL NIL \"<1@b.org>\")");
    const std::string eight_bit = envelope_text("Subject: p\xC3\xA4\r\nFrom: \"a\\\\b\" <x@y>\r\n\r\n");
    CHECK(eight_bit.find("{3}\r\np\xC3\xA4") != std::string::npos);
    CHECK(testing::is_one_list(eight_bit));
}
