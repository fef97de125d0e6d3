#include "libtls/client.h"

#include <catch2/catch.hpp>

using namespace postern::tls;

namespace {

std::string record(int usage, int selector, int matching, std::size_t size) {
    return std::string{static_cast<char>(usage), static_cast<char>(selector), static_cast<char>(matching)} + std::string(size, 'd');
}

struct Case {
    int usage, selector, matching;
    std::size_t size;
    bool usable;
};
constexpr Case cases[] = {
    {3, 1, 1, 32, true}, {3, 0, 1, 32, true},  {3, 1, 2, 64, true},  {2, 0, 1, 32, true},   {3, 1, 0, 91, true},
    {0, 1, 1, 32, false}, {1, 1, 1, 32, false}, {4, 1, 1, 32, false}, {255, 1, 1, 32, false},   // PKIX is not for SMTP
    {3, 2, 1, 32, false}, {3, 1, 3, 32, false}, {3, 1, 1, 31, false}, {3, 1, 1, 64, false}, {3, 1, 2, 32, false},
};

} // namespace

TEST_CASE("TLSA records that SMTP can use (RFC 7672 section 3.1)") {
    for (const Case& c : cases) {
        INFO(c.usage << " " << c.selector << " " << c.matching << " with " << c.size << " octets");
        const auto parsed = parse_tlsa(record(c.usage, c.selector, c.matching, c.size));
        REQUIRE(parsed);
        CHECK(parsed->data.size() == c.size);
        CHECK(is_usable(*parsed) == c.usable);
    }
    CHECK_FALSE(parse_tlsa(""));
    CHECK_FALSE(parse_tlsa(record(3, 1, 1, 0)));
}

TEST_CASE("a connection that is to be proved has something to prove it by") {
    const auto context = ClientContext::make("");
    REQUIRE(context);
    ServerIdentity server;
    server.server_name = "mx.example";
    CHECK((*context)->connection(server).ok());
    server.proof = ServerIdentity::Proof::certificate;
    CHECK_FALSE((*context)->connection(server).ok());            // no name: nothing would be checked
    server.names = {"mx.example"};
    CHECK((*context)->connection(server).ok());
    server.binding = false;
    CHECK((*context)->connection(server).ok());
    server.binding = true;
    server.proof = ServerIdentity::Proof::dane;
    CHECK_FALSE((*context)->connection(server).ok());            // no record: the same
    server.tlsa = {*parse_tlsa(record(3, 1, 1, 32))};
    CHECK((*context)->connection(server).ok());
}
