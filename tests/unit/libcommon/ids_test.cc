#include "libcommon/ids.h"

#include <catch2/catch.hpp>

using namespace postern;

TEST_CASE("a queue id reads back from its text") {
    const QueueId ids[] = {{}, {1, 2, 3}, {0xFFFFFFFFU, UINT64_MAX, 0xFFFFFFFFU}, {0xDEADBEEFU, 77, 1 << 20}};
    for (const QueueId& id : ids) {
        INFO(id.text());
        CHECK(*QueueId::parse(id.text()) == id);
    }
    CHECK_FALSE(QueueId::parse("").ok());
    CHECK_FALSE(QueueId::parse(std::string(26, 'Z')).ok());    // over 128 bits
    CHECK_FALSE(QueueId::parse(std::string(26, 'U')).ok());    // not in the alphabet
}

TEST_CASE("traces and handles differ") {
    CHECK(TraceId::make() != TraceId::make());
    CHECK(TraceId::make().text().size() == 16);
    CHECK(Handle::make() != Handle::make());
    CHECK(Handle{}.empty());
}
