#include "mailctl/client.h"
#include "mailctl/import.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::mailctl;

TEST_CASE("A line is an address and a password or a hash") {
    const auto accounts = parse_import("# people\n\nann@example.org secret\r\n  bob@example.org\t two words \n"
                                       "cid@example.org $argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNo\n");
    REQUIRE(accounts.size() == 3);
    CHECK(accounts[0].dump() == R"({"address":"ann@example.org","password":"secret"})");
    CHECK(accounts[1].dump() == R"({"address":"bob@example.org","password":"two words "})");
    CHECK(accounts[2].dump() == R"({"address":"cid@example.org","password_hash":"$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNo"})");
    CHECK(parse_import("").empty());
}

TEST_CASE("A line that is neither is named") {
    for (const char* text : {"ann@example.org s\nbob@example.org\n", "ann@example.org s\nbob@example.org  \n", "x\nbob x"}) {
        INFO(text);
        try {
            (void)parse_import(text);
            FAIL("accepted");
        } catch (const Failure& failure) {
            CHECK(failure.code == exit_data);
            CHECK(failure.message.starts_with("line "));
        }
    }
}

TEST_CASE("what looks like a hash is sent as one, whatever its kind") {
    const std::string bcrypt = "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    for (const auto& [secret, name] : {std::pair{bcrypt, "password_hash"}, {"{BLF-CRYPT}" + bcrypt, "password_hash"},
                                       {std::string("$ecret"), "password"}, {std::string("{brace}"), "password"},
                                       {std::string("$a$b"), "password"}}) {
        const auto accounts = parse_import("ann@example.org " + secret);
        REQUIRE(accounts.size() == 1);
        CHECK(accounts[0].dump() == R"({"address":"ann@example.org",")" + std::string(name) + R"(":")" + secret + R"("})");
    }
}
