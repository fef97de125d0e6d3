// Dates in messages: RFC 5322 section 3.3, with the obsolete forms of section 4.3 and what real mailers write.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postern::mail {

struct DateTime {
    std::int64_t seconds = 0;   // since the epoch, UTC
    int zone_minutes = 0;       // east of UTC, as written

    // Days since the epoch of the date as written, its zone disregarded: what IMAP's SENTON compares.
    std::int64_t written_day() const;
    bool operator==(const DateTime&) const = default;
};

// A calendar date as days since the epoch; nothing if there is no such day.
std::optional<std::int64_t> day_of(int year, unsigned month, unsigned day);

// 1..12 for "Jan".."Dec" (case ignored), 0 for anything else; and back.
unsigned month_number(std::string_view name);
std::string_view month_name(unsigned month);

struct CivilTime {
    int year = 1970;
    unsigned month = 1, day = 1, hour = 0, minute = 0, second = 0, weekday = 0;   // weekday: 0 is Sunday
};
CivilTime civil_time(DateTime time);   // in its own zone

std::optional<DateTime> parse_date(std::string_view text);
std::string format_date(DateTime time);   // "Thu, 01 Jan 1970 00:00:00 +0000"
std::string format_zone(int zone_minutes);

} // namespace postern::mail
