#include "tlspolicyd/sts/record.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::sts;

namespace {

std::string found(const std::vector<std::string_view>& records) {
    const auto id = find_id(records);
    return id ? *id : "! " + id.error().message();
}

} // namespace

TEST_CASE("records that announce a policy: RFC 8461 section 3.1") {
    struct Case {
        std::vector<std::string_view> records;
        std::string expect;
    };
    const Case cases[] = {
        {{"v=STSv1; id=20160831085700Z;"}, "20160831085700Z"},          // the example of the standard
        {{"v=STSv1;id=1"}, "1"},
        {{"v=STSv1 ; id=1 ;"}, "1"},
        {{"v=STSv1; id=1; "}, "1"},
        {{"v=STSv1; a_1-b.c=anything:here; id=7;"}, "7"},               // an extension
        {{"v=STSv1; id=1; id=2;"}, "1"},
        {{"v=spf1 -all", "v=STSv1; id=1;"}, "1"},
        {{"v=STSv1; id=1;", "v=STSv10; id=2;"}, "1"},
        {{"v=STSv1; id=1;", "V=STSv1; id=2;"}, "1"},                    // case counts: RFC 7405
        {{}, "! no record"},
        {{"v=spf1 -all"}, "! no record"},
        {{"v=STSv1"}, "! no record"},
        {{" v=STSv1; id=1;"}, "! no record"},
        {{"v=STSv1; id=1;", "v=STSv1; id=1;"}, "! more than one record"},
        {{"v=STSv1;"}, "! the record has no id"},
        {{"v=STSv1; ID=1;"}, "! the record has no id"},
        {{"v=STSv1; id=;"}, "! the record is malformed"},
        {{"v=STSv1; id;"}, "! the record is malformed"},
        {{"v=STSv1; id=1;;"}, "! the record is malformed"},
        {{"v=STSv1; id=1 2;"}, "! the record is malformed"},
        {{"v=STSv1; id=1; x=a=b;"}, "! the record is malformed"},
        {{"v=STSv1; id=1-2;"}, "! the record's id is malformed"},
        {{"v=STSv1; id=123456789012345678901234567890123;"}, "! the record's id is malformed"},
        {{"v=STSv1; id=12345678901234567890123456789012;"}, "12345678901234567890123456789012"},
    };
    for (const Case& c : cases) {
        INFO((c.records.empty() ? "none" : c.records.front()));
        CHECK(found(c.records) == c.expect);
    }
}
