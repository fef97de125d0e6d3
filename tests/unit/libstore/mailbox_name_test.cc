#include "libstore/mailbox_name.h"

#include <catch2/catch.hpp>

using namespace postern::store;

TEST_CASE("mailbox names and their directories") {
    struct Case { std::string_view name, canonical, directory; };
    const Case cases[] = {
        {"Sent", "Sent", ".Sent"},
        {"inbox", "INBOX", ".INBOX"},
        {"InBox/Lists", "INBOX/Lists", ".INBOX.Lists"},
        {"Work/2024/", "Work/2024", ".Work.2024"},
        {"a.b", "a.b", ".a&AC4-b"},
        {"R&D", "R&D", ".R&-D"},
        {"Entw\xc3\xbcrfe", "Entw\xc3\xbcrfe", ".Entw&APw-rfe"},
        {"\xe5\x8f\xb0\xe5\x8c\x97/x", "\xe5\x8f\xb0\xe5\x8c\x97/x", ".&U,BTFw-.x"},       // RFC 3501 section 5.1.3
        {"\xf0\x9f\x93\xa7", "\xf0\x9f\x93\xa7", ".&2D3c5w-"},
        {"..", "..", ".&AC4ALg-"},
    };
    for (const Case& c : cases) {
        INFO(c.name);
        const auto canonical = canonical_mailbox_name(c.name);
        REQUIRE(canonical.ok());
        CHECK(*canonical == c.canonical);
        CHECK(folder_directory(*canonical) == c.directory);
        CHECK(folder_mailbox(c.directory) == std::string(c.canonical));
    }
}

TEST_CASE("names nobody may have") {
    for (const std::string_view name : {"", "/", "a//b", "/a", "a\nb", "\xff", "a\x7f"}) {
        INFO(name);
        CHECK_FALSE(canonical_mailbox_name(name).ok());
    }
    CHECK_FALSE(canonical_mailbox_name(std::string(1001, 'a')).ok());
    CHECK_FALSE(folder_directory(std::string(300, 'a')));
    for (const std::string_view directory : {"", ".", "..", "Sent", ".&bad", ".&!!-", ".a..b"}) {
        INFO(directory);
        CHECK_FALSE(folder_mailbox(directory));
    }
}
