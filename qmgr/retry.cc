#include "qmgr/retry.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>

namespace postern::qmgr {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr seconds ours[] = {seconds(1), seconds(2), seconds(5), seconds(15), seconds(60), minutes(5), minutes(15), hours(1), hours(4)};
constexpr seconds jump{60};
constexpr hours suspension{24};

} // namespace

seconds retry_delay(const RetryPolicy& policy, std::uint32_t attempts, std::string_view code, std::uint64_t spread) {
    const std::size_t step = attempts > 0 ? attempts - 1 : 0;
    if (code.starts_with("4.3.")) return ours[std::min(step, std::size(ours) - 1)];
    if (policy.delays.empty()) return ours[std::size(ours) - 1];
    const seconds delay = policy.delays[std::min(step, policy.delays.size() - 1)];
    const auto most = static_cast<std::uint64_t>(delay.count()) * policy.jitter / 100;
    return delay + seconds(most == 0 ? 0 : spread % (most + 1));
}

void Expiry::tick(const Now& now) {
    const auto wall = seconds(now.wall - last_.wall);
    const auto steady = std::chrono::duration_cast<seconds>(now.steady - last_.steady);
    if (started_ && std::abs((wall - steady).count()) > jump.count()) suspended_until_ = now.steady + suspension;
    last_ = now;
    started_ = true;
}

bool Expiry::is_past(std::int64_t since, std::chrono::seconds max_age, const Now& now) const {
    return now.steady >= suspended_until_ && now.wall - since > max_age.count();
}

} // namespace postern::qmgr
