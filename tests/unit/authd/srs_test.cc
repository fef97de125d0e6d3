#include "authd/srs.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::authd;

namespace {

// The hashes below were computed by another program: HMAC-SHA-256 of the tag and what stands behind the hash, in lower case; the
// first six digits of its base 32.
const Srs srs("0123456789abcdef0123456789abcdef");
constexpr std::int64_t day = 86400, now = 20'000 * day + 5;

std::string rewritten(std::string_view sender, std::int64_t at = now) {
    const auto address = srs.rewrite(*mail::parse_mailbox(sender), "us.example", at);
    return address ? address->text() : "too long";
}
std::string origin(std::string_view local_part, std::int64_t at = now) {
    const auto found = srs.origin(local_part, 21, at);
    if (const auto* fault = std::get_if<Srs::Fault>(&found)) return std::string(to_string(*fault));
    return std::get<Srs::Origin>(found).mailbox.text();
}
std::string local_part(const std::string& address) { return address.substr(0, address.rfind('@')); }

} // namespace

TEST_CASE("SRS: known addresses") {
    struct Case { std::string_view sender, rewritten; };
    constexpr Case cases[] = {
        {"Ann@far.example", "SRS0=TJEEQR=RA=far.example=Ann@us.example"},
        {"SRS0=AAAA=BB=far.example=ann@first.example", "SRS1=NIMV6H=first.example==AAAA=BB=far.example=ann@us.example"},
        {"SRS0+AAAA=BB=far.example=ann@first.example", "SRS1=EVIC35=first.example=+AAAA=BB=far.example=ann@us.example"},
        // One more hop, and the address is no longer than before.
        {"SRS1=ZZZZ=first.example==AAAA=BB=far.example=ann@second.example",
         "SRS1=NIMV6H=first.example==AAAA=BB=far.example=ann@us.example"},
    };
    for (const Case& c : cases) {
        INFO(c.sender);
        CHECK(rewritten(c.sender) == c.rewritten);
    }
    CHECK(origin("SRS0=TJEEQR=RA=far.example=Ann") == "Ann@far.example");
    CHECK(origin("SRS1=NIMV6H=first.example==AAAA=BB=far.example=ann") == "SRS0=AAAA=BB=far.example=ann@first.example");
    CHECK(origin("SRS1=EVIC35=first.example=+AAAA=BB=far.example=ann") == "SRS0+AAAA=BB=far.example=ann@first.example");
}

TEST_CASE("SRS: what hosts do to case harms nothing") {
    CHECK(origin("srs0=tjeeqr=ra=FAR.EXAMPLE=ann") == "ann@far.example");
    CHECK(origin("SRS0+TJEEQR=RA=far.example=Ann") == "Ann@far.example");
    CHECK(origin("srs1=nimv6h=first.example==aaaa=bb=far.example=ann") == "SRS0=aaaa=bb=far.example=ann@first.example");
}

TEST_CASE("SRS: every character of an address counts") {
    const std::string_view right[] = {"SRS0=TJEEQR=RA=far.example=Ann", "SRS1=NIMV6H=first.example==AAAA=BB=far.example=ann"};
    for (const std::string_view address : right)
        for (std::size_t at = 5; at < address.size(); ++at) {
            std::string changed(address);
            changed[at] = changed[at] == 'Q' ? 'R' : 'Q';
            INFO(changed);
            CHECK((origin(changed) == "forged" || origin(changed) == "malformed"));
        }
    CHECK(origin("SRS1=TJEEQR=RA=far.example=Ann") == "malformed");
    CHECK(Srs("another secret").rewrite(*mail::parse_mailbox("Ann@far.example"), "us.example", now)->text() !=
          rewritten("Ann@far.example"));
}

TEST_CASE("SRS: malformed") {
    for (const char* text : {"SRS0=", "SRS0=x", "SRS0=AAAAAA", "SRS0=AAAAAA=RA", "SRS0=AAAAAA=RA=far.example", "SRS0=AAAAAA=RA=far.example=",
                             "SRS0==RA=far.example=ann", "SRS1=AAAAAA=first.example", "SRS1=AAAAAA=first.example==", "SRS1=AAAAAA==x",
                             "SRS1=AAAAAA=first.example=AAAA=BB=far.example=ann", ""})
        CHECK(origin(text) == "malformed");
    CHECK_FALSE(Srs::is_srs("SRS0"));
    CHECK_FALSE(Srs::is_srs("SRS2=x"));
    CHECK_FALSE(Srs::is_srs("srs0x=y"));
    CHECK(Srs::is_srs("srs0-y"));
}

TEST_CASE("SRS: an address is one for as many days as it is said to be, around the end of the days counted, too") {
    for (const std::int64_t made : {now, 1023 * day, 1024 * day, (1024 * 20 - 1) * day}) {
        const std::string address = local_part(rewritten("ann@far.example", made));
        CHECK(origin(address, made) == "ann@far.example");
        CHECK(origin(address, made + 21 * day) == "ann@far.example");
        CHECK(origin(address, made + 22 * day) == "expired");
        CHECK(origin(address, made - day) == "expired");     // of a day to come
    }
    const auto found = srs.origin("SRS0=TJEEQR=RA=far.example=Ann", 21, now);
    CHECK(std::get<Srs::Origin>(found).until == (20'000 + 22) * day);
}

TEST_CASE("SRS: senders of every sort come back as they were") {
    for (const char* sender : {"ann@far.example", "a=b=c@far.example", "\"ann lee\"@far.example", "ann@[192.0.2.1]", "a@[ipv6:2001:db8::1]",
                               "ann+lists@far.example", "\xC3\xA4nn@far.example", "srs0@far.example", "SRS0=x@far.example", "SRS1=Z=a_b.c==A=BB=d.e=f@far.example"}) {
        INFO(sender);
        const auto address = srs.rewrite(*mail::parse_mailbox(sender), "us.example", now);
        REQUIRE(address);
        CHECK(mail::parse_mailbox(address->text()).value() == *address);
        CHECK(origin(address->local_part) == sender);
    }
}

TEST_CASE("SRS: what does not fit into a local part is left as it is") {
    const std::string fits(64 - std::string_view("SRS0=TJEEQR=RA=far.example=").size(), 'a');
    CHECK(local_part(rewritten(fits + "@far.example")).size() == 64);
    CHECK(rewritten(fits + "a@far.example") == "too long");
    CHECK(rewritten("\"" + std::string(fits.size() - 2, ' ') + "aa\"@far.example") == "too long");     // its quotes count
}
