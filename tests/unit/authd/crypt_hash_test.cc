#include "authd/any_hash.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::authd;

namespace {
// The first by crypt(3)'s documentation, the SHA ones by OpenSSL.
struct Known { std::string_view password, hash; };
constexpr Known known[] = {
    {"U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"},
    {"U*U", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"},
    {"Gr\xC3\xBC\xC3\x9F" "e", "$2y$05$CCCCCCCCCCCCCCCCCCCCC.HjfAC7Dcxi40Wnk5Kx74Fe5mhPwPc0m"},
    {"Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"},
    {"Hello world!", "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"},
};
} // namespace

TEST_CASE("hashes of other mail systems are verified") {
    for (const Known& one : known) {
        INFO(one.hash);
        const auto hash = parse_hash(one.hash);
        REQUIRE(hash.ok());
        CHECK(verify_password(one.password, *hash));
        CHECK_FALSE(verify_password(std::string(one.password) + "x", *hash));
        CHECK_FALSE(verify_password("", *hash));
        CHECK_FALSE(verify_password(std::string(one.password) + std::string("\0x", 2), *hash));
    }
}

TEST_CASE("what would take too long, or is no hash, is not taken") {
    const std::string salt_and_hash(53, 'a'), sha(86, 'a');
    for (const std::string& text :
         {std::string(), std::string("$"), std::string("$$$$"), std::string("secret"), "$2b$15$" + salt_and_hash, "$2b$03$" + salt_and_hash,
          "$2b$5$" + salt_and_hash, "$2b$05$" + salt_and_hash + "a", "$2x$05$" + salt_and_hash, "$2b$05$" + std::string(52, 'a') + "*",
          "$6$rounds=1000001$salt$" + sha, "$6$rounds=999$salt$" + sha, "$6$rounds=$salt$" + sha, "$6$$" + sha, "$6$" + std::string(17, 's') + "$" + sha,
          "$5$salt$" + sha, "$1$salt$" + std::string(22, 'a'), "$6$salt$" + std::string(85, 'a')}) {
        INFO(text);
        CHECK_FALSE(parse_hash(text).ok());
    }
    CHECK(parse_hash("$2b$14$" + salt_and_hash).ok());
    CHECK(parse_hash("$6$rounds=5000$salt$" + sha).ok());
}

TEST_CASE("the name of a scheme in front is Dovecot's, not the hash's") {
    CHECK(without_scheme("{BLF-CRYPT}$2y$05$x") == "$2y$05$x");
    CHECK(without_scheme("$2y$05$x") == "$2y$05$x");
    CHECK(without_scheme("{no hash}") == "{no hash}");
}
