#include "libmail/date.h"

#include "libcommon/text.h"
#include "libmail/chars.h"

#include <array>
#include <chrono>
#include <fmt/format.h>

namespace postern::mail {
namespace {

constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> weekdays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

// RFC 5322 section 4.3. Military letters say nothing reliable there: they count as UTC, like any unknown name.
struct NamedZone { std::string_view name; int minutes; };
constexpr NamedZone zones[] = {{"UT", 0},      {"UTC", 0},     {"GMT", 0},     {"EST", -300}, {"EDT", -240},
                               {"CST", -360},  {"CDT", -300},  {"MST", -420},  {"MDT", -360}, {"PST", -480},
                               {"PDT", -420},  {"CET", 60},    {"CEST", 120},  {"JST", 540},  {"BST", 60}};

// Words and numbers, with comments and blanks between them dropped.
class Tokens {
  public:
    explicit Tokens(std::string_view text) : text_(text) {}

    std::optional<unsigned> number(std::size_t max_digits) {
        skip();
        std::size_t end = 0;
        while (end < text_.size() && end < max_digits && is_digit(text_[end])) ++end;
        last_digits_ = end;
        const auto value = parse_number(text_.substr(0, end));
        if (!value) return std::nullopt;
        text_.remove_prefix(end);
        return static_cast<unsigned>(*value);
    }
    std::size_t last_digits() const { return last_digits_; }
    std::string_view word() {
        skip();
        std::size_t end = 0;
        while (end < text_.size() && is_alpha(text_[end])) ++end;
        const auto word = text_.substr(0, end);
        text_.remove_prefix(end);
        return word;
    }
    bool accept(char c) {
        skip();
        if (!text_.starts_with(c)) return false;
        text_.remove_prefix(1);
        return true;
    }

  private:
    void skip() {
        int depth = 0;
        while (!text_.empty()) {
            const char c = text_.front();
            if (c == '(') ++depth;
            else if (c == ')' && depth > 0) --depth;
            else if (depth == 0 && !is_space(c)) return;
            text_.remove_prefix(1);
        }
    }
    std::string_view text_;
    std::size_t last_digits_ = 0;
};

int parse_zone(Tokens& in) {
    const bool west = in.accept('-');
    if (west || in.accept('+')) {
        const auto value = in.number(4);
        if (!value || value.value() % 100 > 59) return 0;
        const int minutes = static_cast<int>(*value / 100 * 60 + *value % 100);
        return west ? -minutes : minutes;
    }
    const auto name = in.word();
    for (const NamedZone& zone : zones)
        if (iequals(zone.name, name)) return zone.minutes;
    return 0;
}

// Two digits: 00-49 are 20xx; three digits or 50-99: 19xx (section 4.3).
int full_year(unsigned year, std::size_t digits) {
    if (digits == 2) return static_cast<int>(year < 50 ? 2000 + year : 1900 + year);
    return static_cast<int>(digits == 3 ? 1900 + year : year);
}

} // namespace

std::optional<std::int64_t> day_of(int year, unsigned month, unsigned day) {
    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
    if (!date.ok()) return std::nullopt;
    return std::chrono::sys_days(date).time_since_epoch().count();
}

unsigned month_number(std::string_view name) {
    for (unsigned i = 0; i < months.size(); ++i)
        if (iequals(name.substr(0, 3), months[i]) && name.size() >= 3) return i + 1;
    return 0;
}

std::string_view month_name(unsigned month) { return months[(month - 1) % 12]; }

std::int64_t DateTime::written_day() const {
    using namespace std::chrono;
    return floor<days>(std::chrono::seconds(seconds) + minutes(zone_minutes)).count();
}

CivilTime civil_time(DateTime time) {
    const std::int64_t day = time.written_day();
    const std::int64_t rest = time.seconds + time.zone_minutes * 60 - day * 86400;
    const std::chrono::sys_days days{std::chrono::days(day)};
    const std::chrono::year_month_day date(days);
    CivilTime out;
    out.year = static_cast<int>(date.year());
    out.month = static_cast<unsigned>(date.month());
    out.day = static_cast<unsigned>(date.day());
    out.hour = static_cast<unsigned>(rest / 3600);
    out.minute = static_cast<unsigned>(rest / 60 % 60);
    out.second = static_cast<unsigned>(rest % 60);
    out.weekday = std::chrono::weekday(days).c_encoding();
    return out;
}

std::optional<DateTime> parse_date(std::string_view text) {
    Tokens in(text);
    in.word();            // day of week, not checked: the date decides
    in.accept(',');
    const auto day = in.number(2);
    in.accept('-');       // "1-Jan-2026" is common enough
    const unsigned month = month_number(in.word());
    in.accept('-');
    const auto year = in.number(4);
    if (!day || !year || month == 0) return std::nullopt;
    const auto date = day_of(full_year(*year, in.last_digits()), month, *day);
    const auto hour = in.number(2);
    if (!date || !hour || *hour > 23 || !(in.accept(':') || in.accept('.'))) return std::nullopt;
    const auto minute = in.number(2);
    const auto second = in.accept(':') || in.accept('.') ? in.number(2) : std::optional<unsigned>(0);
    if (!minute || *minute > 59 || !second || *second > 60) return std::nullopt;

    DateTime out;
    out.zone_minutes = parse_zone(in);
    out.seconds = *date * 86400 + *hour * 3600 + *minute * 60 + *second - out.zone_minutes * 60;
    return out;
}

std::string format_zone(int zone_minutes) {
    const int absolute = zone_minutes < 0 ? -zone_minutes : zone_minutes;
    return fmt::format("{}{:02}{:02}", zone_minutes < 0 ? '-' : '+', absolute / 60, absolute % 60);
}

std::string format_date(DateTime time) {
    const CivilTime c = civil_time(time);
    return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} {}", weekdays[c.weekday], c.day,
                       month_name(c.month), c.year, c.hour, c.minute, c.second,
                       format_zone(time.zone_minutes));
}

} // namespace postern::mail
