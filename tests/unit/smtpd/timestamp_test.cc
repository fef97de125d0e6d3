#include "smtpd/timestamp.h"

#include <catch2/catch.hpp>

using namespace postern::smtpd;

TEST_CASE("timestamps: RFC 3339 section 5.6") {
    struct Case { std::string_view text; std::optional<std::int64_t> expect; };
    const Case cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-21T08:20:00Z", 1795249200},
        {"2026-11-21t08:20:00z", 1795249200},
        {"2026-11-21T08:20:00.5Z", 1795249200},
        {"2026-11-21T09:20:00+01:00", 1795249200},
        {"2026-11-21T02:50:00-05:30", 1795249200},
        {"2026-11-21T08:20:00-00:00", 1795249200},
        {"2016-12-31T23:59:60Z", 1483228800},          // a leap second
        {"2024-02-29T00:00:00Z", 1709164800},
        {"2026-02-29T00:00:00Z", std::nullopt},
        {"2026-11-21T24:00:00Z", std::nullopt},
        {"2026-11-21T08:60:00Z", std::nullopt},
        {"2026-13-21T08:20:00Z", std::nullopt},
        {"2026-11-00T08:20:00Z", std::nullopt},
        {"1969-12-31T23:59:59Z", std::nullopt},
        {"2026-11-21T08:20:00", std::nullopt},         // without a zone it is no time
        {"2026-11-21T08:20Z", std::nullopt},
        {"2026-11-21 08:20:00Z", std::nullopt},
        {"2026-11-21T08:20:00Zx", std::nullopt},
        {"2026-11-21T08:20:00+0100", std::nullopt},
        {"2026-11-21T08:20:00+1:00", std::nullopt},
        {"26-11-21T08:20:00Z", std::nullopt},
        {"+026-11-21T08:20:00Z", std::nullopt},
        {"", std::nullopt},
    };
    for (const Case& c : cases) {
        INFO(c.text);
        CHECK(parse_timestamp(c.text) == c.expect);
    }
}

TEST_CASE("a timestamp that is written is read as the same") {
    for (const std::int64_t seconds : {std::int64_t{0}, std::int64_t{951782400}, std::int64_t{1795249200}, std::int64_t{253402300799}})
        CHECK(parse_timestamp(timestamp(seconds)) == seconds);
    CHECK(timestamp(1795249200) == "2026-11-21T08:20:00Z");
}
