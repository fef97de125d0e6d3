#include "libcommon/seats.h"

#include <algorithm>

namespace postern {

std::size_t Seats::open_to(Rank rank) const {
    const unsigned kept = rank == Rank::submission ? 0
                          : rank == Rank::known    ? limits_.percent_submission
                                                   : limits_.percent_submission + limits_.percent_known;
    return limits_.total - limits_.total * std::min(kept, 100U) / 100;
}

bool Seats::client_is_full(const IpAddress& client) const {
    const auto row = clients_.find(client_network(client));
    return row != clients_.end() && row->second >= limits_.per_client;
}

std::optional<Seats::Seat> Seats::take(const IpAddress& client, Rank rank, bool trusted) {
    if (!has_room(rank) || (!trusted && client_is_full(client))) return std::nullopt;
    const Network network = client_network(client);
    ++clients_[network];
    ++taken_;
    return Seat(*this, network);
}

void Seats::Seat::release() {
    if (!seats_) return;
    Seats& seats = *std::exchange(seats_, nullptr);
    --seats.taken_;
    const auto row = seats.clients_.find(client_);
    if (--row->second == 0) seats.clients_.erase(row);
}

} // namespace postern
