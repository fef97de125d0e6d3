#include "policyd/decide/tarpit.h"

#include <algorithm>

namespace postern::policy {
namespace {

// A window, not a limit: the count only says how useful it is to remember the client.
constexpr Rate memory{100, std::chrono::hours(1)};
constexpr double free_misses = 5, misses_to_double = 5;

} // namespace

void Tarpit::missed(std::string_view client, std::uint32_t recipients, Windows::Time now) {
    windows_.add(client, memory, now, recipients);
}

std::chrono::milliseconds Tarpit::delay(std::string_view client, Windows::Time now) const {
    const double over = windows_.count(client, memory, now) - free_misses;
    if (over < 0 || settings_.first.count() == 0) return {};
    const auto doublings = static_cast<unsigned>(std::min(over / misses_to_double, 20.0));
    return std::min(settings_.first * (std::int64_t{1} << doublings), settings_.most);
}

} // namespace postern::policy
