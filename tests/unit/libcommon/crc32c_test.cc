#include "libcommon/crc32c.h"

#include <catch2/catch.hpp>

using namespace postern;

TEST_CASE("CRC-32C gives RFC 3720 appendix B.4's values") {
    CHECK(crc32c(std::string(32, '\0')) == 0x8A9136AAU);
    CHECK(crc32c(std::string(32, '\xFF')) == 0x62A8AB43U);
    CHECK(crc32c("123456789") == 0xE3069283U);
    CHECK(crc32c("6789", crc32c("12345")) == crc32c("123456789"));
}
