#include "delivery/smtp/config.h"
#include "delivery/smtp/outcome.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::smtp_out;

TEST_CASE("credentials by next hop; a line that is wrong never shows what is in it") {
    std::vector<std::string> faults;
    Settings settings;
    settings.credentials = parse_credentials("# where  who  how\n\n[smart.example]:587   joe\tsecret\r\n[Other.example] ann p@ss\nbroken secret\n", faults);
    CHECK(faults == std::vector<std::string>{"outbound.credentials: a line of 2 words"});
    const auto find = [&](std::string_view hop) { return credentials_for(settings, *mail::parse_next_hop(hop)); };
    REQUIRE(find("[smart.example]:587"));
    CHECK(*find("[smart.example]:587") == Credentials{"joe", "secret"});
    REQUIRE(find("[other.example]"));
    CHECK(*find("[other.example]") == Credentials{"ann", "p@ss"});
    CHECK_FALSE(find("[other.example]:587"));
    CHECK_FALSE(find("other.example"));
}

TEST_CASE("where connections come from: by the sender's domain, else by family") {
    Settings settings;
    settings.bind_ipv4 = IpAddress::parse("192.0.2.1");
    settings.bind_senders["own.example"] = {*IpAddress::parse("192.0.2.9")};
    const IpAddress v4 = *IpAddress::parse("198.51.100.1"), v6 = *IpAddress::parse("2001:db8::1");
    CHECK(source_for(settings, "a@b.example", v4)->text() == "192.0.2.1");
    CHECK(source_for(settings, "a@Own.Example", v4)->text() == "192.0.2.9");
    CHECK_FALSE(source_for(settings, "a@own.example", v6));
    CHECK(source_for(settings, "", v4)->text() == "192.0.2.1");
}

TEST_CASE("outcomes keep the reply's codes, and get one where it has none") {
    struct Case {
        std::uint16_t code;
        std::string_view enhanced, expect;
        ipc::DeliveryStatus status;
    };
    constexpr auto delivered = ipc::DeliveryStatus::delivered, later = ipc::DeliveryStatus::deferred, never = ipc::DeliveryStatus::failed;
    constexpr Case cases[] = {{250, "2.1.5", "2.1.5", delivered}, {250, "", "2.0.0", delivered}, {421, "", "4.3.2", later},
                              {450, "", "4.2.0", later},       {499, "", "4.0.0", later},  {550, "", "5.0.0", never},
                              {550, "5.7.26", "5.7.26", never},  {553, "", "5.1.3", never},    {354, "", "4.5.0", later}};
    for (const Case& c : cases) {
        INFO(c.code);
        const Outcome outcome = outcome_of({c.code, std::string(c.enhanced), {"text"}});
        CHECK(outcome.code == c.expect);
        CHECK(outcome.status == c.status);
    }
    CHECK(to_ipc(7, failed("5.0.0", std::string(5000, 'x'))).diagnostic.value.size() == 512);
}
