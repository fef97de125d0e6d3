// Seats for connections: so many in all, so many for one client, and some that only those who matter more may take. A seat
// is given back by whoever destroys it.
#pragma once

#include "libcommon/network.h"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

namespace postern {

class Seats {
  public:
    // Each may sit where those before it may, and on the seats kept for it.
    enum class Rank : std::uint8_t { stranger, known, submission };
    struct Limits {
        std::size_t total = 0, per_client = 0;
        unsigned percent_known = 0, percent_submission = 0;     // kept from strangers; kept for submission alone
    };

    class Seat {
      public:
        Seat() = default;
        Seat(Seat&& other) noexcept : seats_(std::exchange(other.seats_, nullptr)), client_(other.client_) {}
        Seat& operator=(Seat&& other) noexcept {
            std::swap(seats_, other.seats_);
            std::swap(client_, other.client_);
            return *this;
        }
        ~Seat() { release(); }
        void release();

      private:
        friend class Seats;
        Seat(Seats& seats, Network client) : seats_(&seats), client_(client) {}
        Seats* seats_ = nullptr;
        Network client_;
    };

    void configure(const Limits& limits) { limits_ = limits; }
    bool has_room(Rank rank) const { return taken_ < open_to(rank); }
    // Nothing: no room for this rank, or for one more of this client, which does not matter where it is `trusted`.
    std::optional<Seat> take(const IpAddress& client, Rank rank, bool trusted = false);
    bool client_is_full(const IpAddress& client) const;
    std::size_t taken() const { return taken_; }
    std::size_t total() const { return limits_.total; }

  private:
    std::size_t open_to(Rank rank) const;

    Limits limits_;
    std::size_t taken_ = 0;
    std::map<Network, std::uint32_t> clients_;
};

} // namespace postern
