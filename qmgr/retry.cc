#include "qmgr/retry.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>

namespace postern::qmgr {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr seconds regular[] = {minutes(5), minutes(15), hours(1), hours(4)};
constexpr seconds ours[] = {seconds(1), seconds(2), seconds(5), seconds(15), seconds(60), minutes(5), minutes(15), hours(1), hours(4)};
constexpr seconds jump{60};
constexpr hours suspension{24};

} // namespace

seconds retry_delay(std::uint32_t attempts, std::string_view code) {
    const std::size_t step = attempts > 0 ? attempts - 1 : 0;
    if (code.starts_with("4.3.")) return ours[std::min(step, std::size(ours) - 1)];
    return regular[std::min(step, std::size(regular) - 1)];
}

void Expiry::tick(const Now& now) {
    const auto wall = seconds(now.wall - last_.wall);
    const auto steady = std::chrono::duration_cast<seconds>(now.steady - last_.steady);
    if (started_ && std::abs((wall - steady).count()) > jump.count()) suspended_until_ = now.steady + suspension;
    last_ = now;
    started_ = true;
}

bool Expiry::is_past(std::int64_t arrived, const Now& now) const {
    return now.steady >= suspended_until_ && now.wall - arrived > max_age_.count();
}

} // namespace postern::qmgr
