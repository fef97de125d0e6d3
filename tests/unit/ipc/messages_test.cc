// Every message between processes: what is written is read back, what is cut or longer is refused, and it has a
// sender and a receiver.
#include "ipc/all_messages.h"
#include "ipc/routes.h"

#include <catch2/catch.hpp>
#include <set>

using namespace postern;
using namespace postern::ipc;

namespace {

// Fills any record with values of its own, walking its fields.
struct Filler {
    std::uint8_t next = 1;

    void fill(bool& v) { v = true; }
    template <std::integral T> void fill(T& v) { v = static_cast<T>(next++); }
    template <WireEnum E> void fill(E& v) { v = last_enumerator(E{}); }
    template <class R, class P> void fill(std::chrono::duration<R, P>& v) { v = std::chrono::duration<R, P>(next++); }
    template <std::size_t N> void fill(Text<N>& v) { v.value = std::string(std::min<std::size_t>(N, 5), 'a') ; }
    template <std::size_t N> void fill(std::array<std::uint8_t, N>& v) { v.fill(next++); }
    template <class T, std::size_t N> void fill(List<T, N>& v) {
        for (int i = 0; i < 2; ++i) fill(v.items.emplace_back());
    }
    template <class T> void fill(std::optional<T>& v) { fill(v.emplace()); }
    template <Record M> void fill(M& v) {
        std::apply([&](auto&... f) { (fill(f), ...); }, M::fields(v));
        if constexpr (Grown<M>) std::apply([&](auto&... f) { (fill(f), ...); }, M::added(v));
    }
};

// The sizes at which a cut message is one of a version before: behind fields() and behind each field of added().
template <Message M> std::set<std::size_t> older_sizes(const M& message) {
    std::set<std::size_t> sizes;
    if constexpr (Grown<M>) {
        std::string bytes;
        Writer writer(bytes);
        std::apply([&](const auto&... f) { (writer.put(f), ...); }, M::fields(message));
        sizes.insert(bytes.size());
        std::apply([&](const auto&... f) { ((writer.put(f), sizes.insert(bytes.size())), ...); }, M::added(message));
    }
    return sizes;
}

template <Message M> void check_message() {
    INFO("message type " << static_cast<unsigned>(M::type));
    for (const bool filled : {false, true}) {
        M message{};
        if (filled) Filler().fill(message);
        const std::string bytes = encode(message);
        CHECK(bytes.size() <= MaxEncoded<M>::value);
        auto back = decode<M>(bytes);
        REQUIRE(back.ok());
        CHECK(encode(*back) == bytes);
        const auto older = older_sizes(message);
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            if (decode<M>(std::string_view(bytes).substr(0, size)).ok() != older.contains(size))
                FAIL("a message cut at " << size << (older.contains(size) ? " is an older one" : " decodes"));
        }
        CHECK_FALSE(decode<M>(bytes + "x").ok());
    }
}

template <Message M> std::size_t routes_of() {
    std::size_t count = 0;
    for (std::size_t from = 0; from < service_count; ++from)
        for (std::size_t to = 0; to < service_count; ++to)
            count += may_send(static_cast<ServiceId>(from), static_cast<ServiceId>(to), M::type);
    return count;
}

} // namespace

TEST_CASE("every message comes back as it went, whole or not at all") {
    std::apply([](auto... message) { (check_message<decltype(message)>(), ...); }, AllMessages{});
}

TEST_CASE("no two messages share a number") {
    std::set<std::uint16_t> seen;
    std::apply([&](auto... message) { (seen.insert(static_cast<std::uint16_t>(decltype(message)::type)), ...); },
               AllMessages{});
    CHECK(seen.size() == std::tuple_size_v<AllMessages>);
}

TEST_CASE("every request has a route, no reply has one of its own") {
    std::apply([](auto... message) {
        ([&] {
            using M = decltype(message);
            if constexpr (Request<M>) {
                INFO("message type " << static_cast<unsigned>(M::type));
                CHECK(routes_of<M>() > 0);
                CHECK(routes_of<typename M::Reply>() == 0);
            }
        }(), ...);
    }, AllMessages{});
}
