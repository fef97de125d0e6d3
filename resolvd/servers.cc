#include "resolvd/servers.h"

#include <algorithm>
#include <utility>

namespace postern::dns {

std::string Server::text() const {
    const std::string host = address.is_v4() ? address.text() : "[" + address.text() + "]";
    return host + ":" + std::to_string(port);
}

std::vector<std::size_t> Servers::order(Time now) {
    std::vector<std::size_t> first, last;
    for (std::size_t index = 0; index < servers_.size(); ++index) {
        State& state = states_[index];
        if (state.rests_until > now) {
            last.push_back(index);
            continue;
        }
        first.push_back(index);
        state.on_trial = state.silent != 0;
        if (state.on_trial) state.rests_until = now + first_rest;
    }
    first.insert(first.end(), last.begin(), last.end());
    return first;
}

bool Servers::was_silent(std::size_t index, Time now) {
    State& state = states_[index];
    if (now < state.rests_until && !state.on_trial) return false;      // of questions asked at one time, the first counts
    state.on_trial = false;
    constexpr unsigned most_doublings = 4;
    state.rests_until = now + std::min(longest_rest, first_rest * (1U << std::min(state.silent, most_doublings)));
    return state.silent++ == 0;
}

bool Servers::answered(std::size_t index) {
    return std::exchange(states_[index], State()).silent != 0;
}

} // namespace postern::dns
