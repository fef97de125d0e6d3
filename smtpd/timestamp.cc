#include "smtpd/timestamp.h"

#include "libcommon/text.h"

#include <chrono>
#include <fmt/format.h>

namespace postern::smtpd {
namespace {

// Reads RFC 3339 section 5.6 from the front.
class Fields {
  public:
    explicit Fields(std::string_view text) : text_(text) {}

    bool at_end() const { return text_.empty(); }
    bool accept(std::string_view any_of) {
        if (text_.empty() || any_of.find(text_.front()) == std::string_view::npos) return false;
        text_.remove_prefix(1);
        return true;
    }
    bool number(std::size_t digits, int& out, int least, int most) {
        const auto value = text_.size() < digits ? std::nullopt : parse_number(text_.substr(0, digits), static_cast<std::uint64_t>(most));
        if (!value || static_cast<int>(*value) < least) return false;
        out = static_cast<int>(*value);
        text_.remove_prefix(digits);
        return true;
    }
    void digits() { text_.remove_prefix(std::min(text_.find_first_not_of("0123456789"), text_.size())); }
    char sign() const { return text_.empty() ? '\0' : text_.front(); }

  private:
    std::string_view text_;
};

} // namespace

std::optional<std::int64_t> parse_timestamp(std::string_view text) {
    using namespace std::chrono;
    int y = 0, mon = 0, d = 0, h = 0, min = 0, s = 0;
    Fields in(text);
    if (!(in.number(4, y, 1970, 9999) && in.accept("-") && in.number(2, mon, 1, 12) && in.accept("-") &&
          in.number(2, d, 1, 31) && in.accept("Tt") && in.number(2, h, 0, 23) && in.accept(":") &&
          in.number(2, min, 0, 59) && in.accept(":") && in.number(2, s, 0, 60)))                  // a leap second
        return std::nullopt;
    const year_month_day date(year(y), month(static_cast<unsigned>(mon)), day(static_cast<unsigned>(d)));
    if (!date.ok()) return std::nullopt;
    if (in.accept(".")) in.digits();
    seconds offset{0};
    if (!in.accept("Zz")) {
        int hours_east = 0, minutes_east = 0;
        const bool west = in.sign() == '-';
        if (!(in.accept("+-") && in.number(2, hours_east, 0, 23) && in.accept(":") && in.number(2, minutes_east, 0, 59)))
            return std::nullopt;
        offset = hours(hours_east) + minutes(minutes_east);
        if (west) offset = -offset;
    }
    if (!in.at_end()) return std::nullopt;
    return (sys_days(date) + hours(h) + minutes(min) + seconds(s) - offset).time_since_epoch().count();
}

std::string timestamp(std::int64_t seconds) {
    using namespace std::chrono;
    const sys_seconds when{std::chrono::seconds(seconds)};
    const auto midnight = floor<days>(when);
    const year_month_day date(midnight);
    const hh_mm_ss time(when - midnight);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time.hours().count(),
                       time.minutes().count(), time.seconds().count());
}

} // namespace postern::smtpd
