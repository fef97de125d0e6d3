#include "apid/local/access.h"

#include <catch2/catch.hpp>

using namespace postern::api;

TEST_CASE("Root, the owner of master and the group manage; nobody else does") {
    const Access access{.owner = 1000, .group = 77};
    const std::uint32_t with[] = {5, 77}, without[] = {5, 6};
    CHECK(access.allows(0, 0, {}));
    CHECK(access.allows(1000, 1000, {}));
    CHECK(access.allows(1001, 77, {}));
    CHECK(access.allows(1001, 1001, with));
    CHECK_FALSE(access.allows(1001, 1001, without));
    CHECK_FALSE(Access{.owner = 0, .group = {}}.allows(1001, 77, with));
}

TEST_CASE("A group is found by its whole name") {
    constexpr std::string_view text = "root:x:0:\nnot-postern-admin:x:8:\npostern-admin:x:77:ann,bob\nbroken\n";
    CHECK(find_group(text, "postern-admin") == 77U);
    CHECK(find_group(text, "postern") == std::nullopt);
    CHECK(find_group(text, "broken") == std::nullopt);
    CHECK(find_group("postern-admin:x:4294967296:", "postern-admin") == std::nullopt);
}
