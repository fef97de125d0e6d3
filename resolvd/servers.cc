#include "resolvd/servers.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace postern::dns {

std::string Server::text() const {
    const std::string host = address.is_v4() ? address.text() : "[" + address.text() + "]";
    return host + ":" + std::to_string(port);
}

std::vector<std::size_t> Servers::order(Time now) const {
    std::vector<std::size_t> order(servers_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_partition(order.begin(), order.end(), [&](std::size_t index) { return states_[index].rests_until <= now; });
    return order;
}

bool Servers::was_silent(std::size_t index, Time now) {
    State& state = states_[index];
    if (now < state.rests_until) return false;             // of questions that were asked at one time, the first counts
    constexpr unsigned most_doublings = 4;
    state.rests_until = now + std::min(longest_rest, first_rest * (1U << std::min(state.silent, most_doublings)));
    return state.silent++ == 0;
}

bool Servers::answered(std::size_t index) {
    states_[index].rests_until = {};
    return std::exchange(states_[index].silent, 0) != 0;
}

} // namespace postern::dns
