#include "authd/cram_md5.h"

#include "libcommon/text.h"

#include <catch2/catch.hpp>

#include <openssl/evp.h>
#include <openssl/hmac.h>

using namespace postern;
using namespace postern::authd;

namespace {

constexpr std::string_view challenge = "<1896.697170952@postoffice.reston.mci.net>";   // RFC 2195 section 2
constexpr std::string_view digest = "b913a602c7eda7a495b4e6e7334d3890";

std::string respond(std::string_view response, std::string_view password = "tanstaaftanstaaf") {
    CramExchange cram{std::string(challenge), [&](std::string_view) { return Result<CramVerifier>(make_cram(password)); }};
    const auto first = cram.respond("");
    REQUIRE(std::get<Exchange::Challenge>(first).bytes == challenge);
    const auto step = cram.respond(response);
    if (std::holds_alternative<Exchange::Malformed>(step)) return "malformed";
    return std::holds_alternative<Exchange::Proven>(step) ? "proven" : "denied";
}

} // namespace

TEST_CASE("CRAM-MD5 as in RFC 2195 section 2") {
    CHECK(cram_digest(make_cram("tanstaaftanstaaf"), challenge) == digest);
    CHECK(respond("tim " + std::string(digest)) == "proven");
    CHECK(respond("tim " + ascii_upper(digest)) == "proven");
    CHECK(respond("tim of the north " + std::string(digest)) == "proven");
    CHECK(respond("tim " + std::string(digest), "another") == "denied");
    CHECK(respond("tim b913a602c7eda7a495b4e6e7334d3891") == "denied");
}

TEST_CASE("The stored states are HMAC-MD5 for keys of any length") {
    for (std::size_t length : {1U, 16U, 63U, 64U, 65U, 300U}) {
        const std::string key(length, 'k'), text(200, 't');
        unsigned char expected[16];
        HMAC(EVP_md5(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()), text.size(), expected, nullptr);
        CHECK(cram_digest(make_cram(key), text) == to_hex({reinterpret_cast<const char*>(expected), 16}));
    }
}

TEST_CASE("Anything but a name, a blank and a digest is malformed") {
    for (std::string_view response : {"", "tim", " b913a602c7eda7a495b4e6e7334d3890", "tim b913a602c7eda7a495b4e6e7334d389",
                                      "tim b913a602c7eda7a495b4e6e7334d38900a", "tim g913a602c7eda7a495b4e6e7334d3890", "tim ",
                                      "\xFF b913a602c7eda7a495b4e6e7334d3890"}) {
        INFO(response);
        CHECK(respond(response) == "malformed");
    }
    CramExchange early{std::string(challenge), [](std::string_view) { return Result<CramVerifier>(CramVerifier{}); }};
    CHECK(std::holds_alternative<Exchange::Malformed>(early.respond("tim " + std::string(digest))));
}

TEST_CASE("CRAM-MD5 verifiers survive their text, and nothing else is one") {
    const auto made = make_cram("pw");
    REQUIRE(parse_cram(to_text(made)));
    CHECK(*parse_cram(to_text(made)) == made);
    for (const std::string& bad : {std::string(), std::string("CRAM-MD5$00"), to_text(made) + "00", "x" + to_text(made)})
        CHECK_FALSE(parse_cram(bad).ok());
}
