#include "libcommon/seats.h"

#include <catch2/catch.hpp>

#include <vector>

using namespace postern;
using Rank = Seats::Rank;

namespace {

IpAddress client(int number) { return *IpAddress::parse("192.0.2." + std::to_string(number)); }

Seats seats_of(const Seats::Limits& limits) {
    Seats seats;
    seats.configure(limits);
    return seats;
}

// How many of a rank find a seat, each from an address of its own.
std::vector<Seats::Seat> fill(Seats& seats, Rank rank) {
    std::vector<Seats::Seat> taken;
    for (int number = static_cast<int>(rank) * 80; auto seat = seats.take(client(number), rank); ++number) taken.push_back(std::move(*seat));
    return taken;
}

} // namespace

TEST_CASE("seats are kept for clients with history, and some for submission alone") {
    Seats seats = seats_of({.total = 50, .per_client = 1, .percent_known = 20, .percent_submission = 10});
    const auto strangers = fill(seats, Rank::stranger);
    CHECK(strangers.size() == 35);
    const auto known = fill(seats, Rank::known);
    CHECK(known.size() == 10);
    CHECK(fill(seats, Rank::submission).size() == 5);            // given back at once
    CHECK(seats.taken() == 45);
    CHECK(seats.has_room(Rank::submission));
    CHECK_FALSE(seats.has_room(Rank::known));
}

TEST_CASE("one client has so many seats, an IPv6 network is one client, and a seat given back is free") {
    Seats seats = seats_of({.total = 100, .per_client = 2});
    std::vector<Seats::Seat> taken;
    for (const auto address : {"2001:db8::1", "2001:db8::2"}) taken.push_back(std::move(*seats.take(*IpAddress::parse(address), Rank::known)));
    CHECK(seats.client_is_full(*IpAddress::parse("2001:db8::3")));
    CHECK_FALSE(seats.take(*IpAddress::parse("2001:db8::3"), Rank::submission));
    CHECK(seats.take(*IpAddress::parse("2001:db8::3"), Rank::stranger, true));
    CHECK(seats.take(*IpAddress::parse("2001:db8:0:1::3"), Rank::stranger));
    taken.pop_back();
    CHECK(seats.take(*IpAddress::parse("2001:db8::3"), Rank::known));
    taken[0].release();
    taken[0].release();
    CHECK(seats.taken() == 0);
}

TEST_CASE("lower limits hold for those who come, not for those who are there") {
    Seats seats = seats_of({.total = 10, .per_client = 10});
    auto taken = fill(seats, Rank::known);
    seats.configure({.total = 5, .per_client = 10});
    CHECK(seats.taken() == 10);
    CHECK_FALSE(seats.has_room(Rank::submission));
    taken.resize(4);
    CHECK(seats.has_room(Rank::submission));
}
