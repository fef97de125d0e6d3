#include "libmail/address.h"
#include "testdata.h"

#include <algorithm>

using namespace postern;
using namespace postern::mail;

namespace {

std::string describe(const Result<Mailbox>& mailbox) {
    return mailbox ? mailbox->text() : "error: " + mailbox.error().message();
}

struct Case { std::string_view text, expect; };
constexpr Case mailboxes[] = {
    {"ann@example.org", "ann@example.org"},
    {"Ann@Example.ORG", "Ann@example.org"},                     // the local part's case is its owner's business
    {"\"ann\"@example.org", "ann@example.org"},                 // needless quotes: one canonical form
    {"\"a\\n\\n\"@example.org", "ann@example.org"},
    {"\"ann lee\"@example.org", "\"ann lee\"@example.org"},
    {"\"a@b\"@example.org", "\"a@b\"@example.org"},
    {"\"a..b\"@example.org", "\"a..b\"@example.org"},
    {"\"\\\"\"@example.org", "\"\\\"\"@example.org"},
    {"a@[192.0.2.1]", "a@[192.0.2.1]"},
    {"a@[IPv6:2001:DB8::1]", "a@[ipv6:2001:db8::1]"},
    {"a@[IPv6:::ffff:192.0.2.1]", "a@[ipv6:::ffff:192.0.2.1]"},
    {"a@[192.0.2.256]", "error: invalid address literal column=3"},
    {"a@[IPv6:1:2:3:4:5:6:7:8:9]", "error: invalid address literal column=3"},
    {"a@[tag:x]", "error: invalid address literal column=3"},
    {"", "error: expected local part column=1"},
    {"ann", "error: expected @ column=4"},
    {"ann@", "error: expected domain name column=5"},
    {"\"\"@example.org", "error: empty local part column=3"},
    {"a..b@example.org", "error: misplaced dot in local part column=3"},
    {"a@b@c", "error: unexpected character after address column=4"},
    {"a@example.org.", "error: expected domain name column=15"},
    {"a@-b.org", "error: hyphen at the edge of a domain label column=5"},
    {"a@b_c.org", "error: unexpected character after address column=4"},
    {"a b@example.org", "error: expected @ column=2"},
    // RFC 6531 section 3.3
    {"p\xC3\xA4r@example.org", "p\xC3\xA4r@example.org"},
    {"\"p\xC3\xA4r lee\"@example.org", "\"p\xC3\xA4r lee\"@example.org"},
    {"\"p\xC3\xA4r\"@example.org", "p\xC3\xA4r@example.org"},
    {"pa\xCC\x88r@example.org", "pa\xCC\x88r@example.org"},      // not in NFC: the local part is its owner's business
    {"a@m\xC3\xBCller.example", "a@xn--mller-kva.example"},
    {"a@M\xC3\x9CLLER.Example", "a@xn--mller-kva.example"},
    {"a@mu\xCC\x88ller.example", "a@xn--mller-kva.example"},       // in NFC it is the same domain
    {"a@XN--mller-kva.example", "a@xn--mller-kva.example"},
    {"a@stra\xC3\x9F" "e.example", "a@xn--strae-oqa.example"},     // not transitional: no "strasse"
    {"a@b\xE3\x80\x82" "example", "a@b.example"},                 // the ideographic full stop
    {"p\xC3\xA4r@[192.0.2.1]", "p\xC3\xA4r@[192.0.2.1]"},
    {"p\xE4r@example.org", "error: local part is not UTF-8 column=4"},
    {"p\xC0\xAFr@example.org", "error: local part is not UTF-8 column=5"},
    {"p\xC2\x9Br@example.org", "error: local part is not UTF-8 column=5"},      // CSI
    {"a@b\xE4.org", "error: not an internationalized domain name column=9"},
    {"a@b\xE2\x80\xAE.org", "error: not an internationalized domain name column=11"},     // right-to-left override
    {"a@\xE2\x84\x80.org", "error: not an internationalized domain name column=10"},      // maps to "a/c"
    {"a@\xEF\xBC\x8D" "b.org", "error: not an internationalized domain name column=11"},   // maps to "-b"
    {"a@b.org\r\nX: y", "error: unexpected character after address column=8"},
    {std::string_view("a\0@b.org", 8), "error: expected @ column=2"},
};

struct PathCase { std::string_view text; bool forward; std::string_view expect; };
constexpr PathCase paths[] = {
    {"<>", false, "null 2"},
    {"<>", true, "error: expected local part column=2"},
    {"<a@b.org>", false, "a@b.org 9"},
    {"<a@b.org> SIZE=10", false, "a@b.org 9"},
    {"<\"a>\"@b.org> X", true, "\"a>\"@b.org 12"},
    {"<@relay.org,@other.org:a@b.org>", true, "a@b.org 31"},
    {"<@relay.org>", true, "error: expected : after source route column=12"},
    {"<Postmaster>", true, "postmaster 12"},
    {"<POSTMASTER> X", true, "postmaster 12"},
    {"<Postmaster>", false, "error: expected @ column=12"},
    {"a@b.org", true, "error: expected < column=1"},
    {" <a@b.org>", true, "error: expected < column=1"},
    {"<a@b.org", true, "error: expected > column=9"},
    {"<a@b.org x>", true, "error: expected > column=9"},
};

// The suite shows control characters as their Unicode pictures, U+2400 + code, and uses XML's entities.
std::string unescape(std::string text) {
    for (std::size_t at = 0; (at = text.find("\xE2\x90", at)) != std::string::npos; ++at)
        text.replace(at, 3, 1, static_cast<char>(text[at + 2] - '\x80'));
    const std::pair<const char*, const char*> entities[] = {{"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&amp;", "&"}};
    for (const auto& [entity, character] : entities)
        for (std::size_t at = 0; (at = text.find(entity, at)) != std::string::npos; ++at)
            text.replace(at, std::string_view(entity).size(), character);
    return text;
}

std::string element(const std::string& xml, const std::string& name, std::size_t from) {
    const auto begin = xml.find("<" + name + ">", from) + name.size() + 2;
    return xml.substr(begin, xml.find("</" + name + ">", begin) - begin);
}

} // namespace

TEST_CASE("mailboxes: RFC 5321 section 4.1.2") {
    for (const Case& c : mailboxes) {
        INFO(c.text);
        CHECK(describe(parse_mailbox(c.text)) == c.expect);
    }
}

TEST_CASE("a mailbox's text parses to the same mailbox") {
    for (const Case& c : mailboxes)
        if (const auto mailbox = parse_mailbox(c.text)) CHECK(*parse_mailbox(mailbox->text()) == *mailbox);
}

TEST_CASE("limits of internationalized addresses are in octets, of A-labels too") {
    std::string local;
    for (int i = 0; i < 32; ++i) local += "\xC3\xA4";
    CHECK(parse_mailbox(local + "@b.org").ok());
    CHECK_FALSE(parse_mailbox(local + "a@b.org").ok());
    std::string label;
    for (int i = 0; i < 40; ++i) label += "\xE6\x97\xA5";
    CHECK_FALSE(parse_mailbox("a@" + label + label + ".org").ok());
    std::string domain;                                          // labels of two octets that become longer ones
    for (int i = 0; i < 60; ++i) domain += "\xC3\xA4.";
    CHECK_FALSE(parse_mailbox("a@" + domain + "org").ok());
}

TEST_CASE("a path knows whether it was written in ASCII") {
    CHECK(parse_forward_path("<a@xn--mller-kva.example>")->ascii);
    CHECK_FALSE(parse_forward_path("<a@m\xC3\xBCller.example>")->ascii);
    CHECK_FALSE(parse_reverse_path("<\xC3\xA4@b.example>")->ascii);
    CHECK(parse_reverse_path("<>")->ascii);
    CHECK(parse_forward_path("<a@b.example> \xC3\xA4")->ascii);    // behind it is not its business
    CHECK(parse_forward_path("<a@m\xC3\xBCller.example>")->mailbox == parse_forward_path("<a@xn--mller-kva.example>")->mailbox);
}

TEST_CASE("paths in MAIL and RCPT: RFC 5321 section 4.1.1") {
    for (const PathCase& c : paths) {
        INFO(c.text);
        const auto path = c.forward ? parse_forward_path(c.text) : parse_reverse_path(c.text);
        const std::string got = !path        ? "error: " + path.error().message()
                                : path->null ? "null " + std::to_string(path->length)
                                             : path->mailbox.text() + " " + std::to_string(path->length);
        CHECK(got == c.expect);
    }
}

TEST_CASE("the isemail suite: what its categories call usable in SMTP, and nothing else") {
    const std::string xml = testing::read_file(testing::testdata() / "address/isemail-tests.xml");
    std::size_t cases = 0;
    for (std::size_t at = 0; (at = xml.find("<test id=", at)) != std::string::npos; ++at, ++cases) {
        const std::string address = unescape(element(xml, "address", at));
        const std::string category = element(xml, "category", at);
        const bool acceptable = category == "ISEMAIL_VALID_CATEGORY" || category == "ISEMAIL_DNSWARN" ||
                                category == "ISEMAIL_RFC5321";
        INFO(category << " " << element(xml, "diagnosis", at) << " " << address);
        const bool ascii = std::all_of(address.begin(), address.end(), [](char c) { return static_cast<signed char>(c) >= 0; });
        if (ascii) CHECK(parse_mailbox(address).ok() == acceptable);   // the suite is older than RFC 6531
    }
    CHECK(cases == 98);
}

TEST_CASE("subaddresses: RFC 5233") {
    CHECK(split_subaddress("ann+lists", "+").user == "ann");
    CHECK(split_subaddress("ann+lists", "+").detail == "lists");
    CHECK(split_subaddress("ann+a+b", "+").detail == "a+b");
    CHECK(split_subaddress("ann-a+b", "+-").user == "ann");
    CHECK(split_subaddress("ann-a+b", "+-").detail == "a+b");
    CHECK(split_subaddress("+lists", "+").user == "+lists");
    CHECK(split_subaddress("ann+lists", "-").user == "ann+lists");
    CHECK(split_subaddress("ann+lists", "").user == "ann+lists");
}

TEST_CASE("an address splits at its last @") {
    CHECK(split_address("\"a@b\"@c.org") == std::pair<std::string_view, std::string_view>{"\"a@b\"", "c.org"});
    CHECK(split_address("root") == std::pair<std::string_view, std::string_view>{"root", ""});
}

TEST_CASE("the address in a literal") {
    const auto shown = [](std::string_view literal) {
        const auto address = address_in_literal(literal);
        return address ? address->text() : "none";
    };
    CHECK(shown("[192.0.2.1]") == "192.0.2.1");
    CHECK(shown("[IPv6:2001:DB8::1]") == "2001:db8::1");
    CHECK(shown("[ipv6:::ffff:192.0.2.1]") == "192.0.2.1");
    for (std::string_view none : {"", "[]", "192.0.2.1", "[192.0.2.1", "[2001:db8::1]", "[IPv6:192.0.2.1]", "[192.0.2.001]", "example.org"})
        CHECK(shown(none) == "none");
}
