// Turns structs into bytes and back, for messages between processes and for records on disk.
//
// A struct lists its members once, in fields(); encoding, decoding, the size limit, the round-trip test and
// the fuzz target come from that list. Limits live in the field types, so no decoder can forget one: a text
// longer than its Text<N>, a list longer than its List<T, N>, an enumerator out of range or a byte left over
// is Errc::bad_message. Integers are little-endian and fixed in width.
//
//   struct CheckRecipient {
//       SessionId session;
//       Text<320> recipient;
//       static auto fields(auto& m) { return std::tie(m.session, m.recipient); }
//   };
//
// A message or record that is out in the world grows at its end only: what a later version needs goes into added(),
// behind everything in fields(). It is written up to the last field that is not at its default, so what uses nothing
// new is byte for byte what the version before wrote and reads; what is absent is at its default. A struct that is a
// field of another cannot grow so: its containers list the new member in their own added().
//
//       static auto added(auto& m) { return std::tie(m.policy); }
#pragma once

#include "libcommon/result.h"

#include <array>
#include <bit>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

namespace postern {

// A string of at most Limit bytes, any bytes. Assigning more is our own broken invariant: callers check first.
template <std::size_t Limit> struct Text {
    static constexpr std::size_t limit = Limit;
    std::string value;

    Text() = default;
    Text(std::string text) : value(std::move(text)) {}
    Text(std::string_view text) : value(text) {}
    Text(const char* text) : value(text) {}

    operator std::string_view() const { return value; }
    std::string_view view() const { return value; }
    bool empty() const { return value.empty(); }
    bool operator==(const Text&) const = default;
};

template <class T, std::size_t Limit> struct List {
    using value_type = T;
    static constexpr std::size_t limit = Limit;
    std::vector<T> items;

    List() = default;
    List(std::vector<T> values) : items(std::move(values)) {}

    auto begin() const { return items.begin(); }
    auto end() const { return items.end(); }
    auto begin() { return items.begin(); }
    auto end() { return items.end(); }
    std::size_t size() const { return items.size(); }
    bool empty() const { return items.empty(); }
    void push_back(T item) { items.push_back(std::move(item)); }
    bool operator==(const List&) const = default;
};

template <class T>
concept Record = requires(T& t) { T::fields(t); };

template <class T>
concept Grown = Record<T> && requires(T& t) { T::added(t); };

// An enum travels as its underlying type and names its last enumerator: constexpr E last_enumerator(E).
template <class E>
concept WireEnum = std::is_enum_v<E> && requires(E e) { { last_enumerator(e) } -> std::same_as<E>; };

class Writer {
  public:
    explicit Writer(std::string& out) : out_(out) {}

    void put(bool v) { out_.push_back(v ? 1 : 0); }
    template <std::integral T> requires(!std::same_as<T, bool>) void put(T v) {
        static_assert(std::endian::native == std::endian::little);
        out_.append(reinterpret_cast<const char*>(&v), sizeof v);
    }
    template <WireEnum E> void put(E v) { put(static_cast<std::underlying_type_t<E>>(v)); }
    template <class R, class P> void put(std::chrono::duration<R, P> v) { put(static_cast<std::int64_t>(v.count())); }
    template <std::size_t N> void put(const Text<N>& v) {
        assert(v.value.size() <= N);
        put(static_cast<std::uint32_t>(v.value.size()));
        out_.append(v.value);
    }
    template <std::size_t N> void put(const std::array<std::uint8_t, N>& v) {
        out_.append(reinterpret_cast<const char*>(v.data()), N);
    }
    template <class T, std::size_t N> void put(const List<T, N>& v) {
        assert(v.items.size() <= N);
        put(static_cast<std::uint32_t>(v.items.size()));
        for (const T& item : v.items) put(item);
    }
    template <class T> void put(const std::optional<T>& v) {
        put(v.has_value());
        if (v) put(*v);
    }
    template <Record M> void put(const M& v) {
        static_assert(!Grown<M>, "only the outermost record can grow");
        put_fields(v);
    }
    template <Record M> void put_whole(const M& v) {
        put_fields(v);
        if constexpr (Grown<M>) std::apply([this](const auto&... field) { this->put_added(field...); }, M::added(v));
    }

  private:
    template <Record M> void put_fields(const M& v) {
        std::apply([&](const auto&... field) { (put(field), ...); }, M::fields(v));
    }
    template <class... T> void put_added(const T&... field) {
        std::size_t count = 0, at = 0;
        ((++at, count = field == T{} ? count : at), ...);
        at = 0;
        ((at++ < count ? put(field) : void()), ...);
    }

    std::string& out_;
};

class Reader {
  public:
    explicit Reader(std::string_view in) : in_(in) {}

    bool at_end() const { return in_.empty(); }
    std::size_t left() const { return in_.size(); }

    bool get(bool& v) {
        std::uint8_t byte = 0;
        if (!get(byte) || byte > 1) return false;
        v = byte == 1;
        return true;
    }
    template <std::integral T> requires(!std::same_as<T, bool>) bool get(T& v) {
        if (in_.size() < sizeof v) return false;
        std::memcpy(&v, in_.data(), sizeof v);
        in_.remove_prefix(sizeof v);
        return true;
    }
    template <WireEnum E> bool get(E& v) {
        std::underlying_type_t<E> number{};
        if (!get(number) || number < 0 || number > static_cast<decltype(number)>(last_enumerator(E{}))) return false;
        v = static_cast<E>(number);
        return true;
    }
    template <class R, class P> bool get(std::chrono::duration<R, P>& v) {
        std::int64_t count = 0;
        if (!get(count)) return false;
        v = std::chrono::duration<R, P>(static_cast<R>(count));
        return true;
    }
    template <std::size_t N> bool get(Text<N>& v) {
        std::uint32_t size = 0;
        if (!get(size) || size > N || size > in_.size()) return false;
        v.value.assign(in_.substr(0, size));
        in_.remove_prefix(size);
        return true;
    }
    template <std::size_t N> bool get(std::array<std::uint8_t, N>& v) {
        if (in_.size() < N) return false;
        std::memcpy(v.data(), in_.data(), N);
        in_.remove_prefix(N);
        return true;
    }
    template <class T, std::size_t N> bool get(List<T, N>& v) {
        std::uint32_t count = 0;
        if (!get(count) || count > N || count > in_.size()) return false;   // an item takes a byte at least
        v.items.clear();
        v.items.reserve(std::min<std::size_t>(count, 64));                  // never trusts the count for memory
        for (std::uint32_t i = 0; i < count; ++i) {
            T item{};
            if (!get(item)) return false;
            v.items.push_back(std::move(item));
        }
        return true;
    }
    template <class T> bool get(std::optional<T>& v) {
        bool present = false;
        v.reset();
        return get(present) && (!present || get(v.emplace()));
    }
    template <Record M> bool get(M& v) {
        static_assert(!Grown<M>, "only the outermost record can grow");
        return get_fields(v);
    }
    template <Record M> bool get_whole(M& v) {
        if (!get_fields(v)) return false;
        if constexpr (Grown<M>)
            if (!std::apply([this](auto&... field) { return this->get_added(field...); }, M::added(v))) return false;
        return at_end();
    }

  private:
    template <Record M> bool get_fields(M& v) {
        return std::apply([&](auto&... field) { return (get(field) && ...); }, M::fields(v));
    }
    // The last one that is there says something: a value has one encoding.
    template <class... T> bool get_added(T&... field) {
        bool plain = false;
        const auto next = [&](auto& f) {
            if (at_end()) return true;
            if (!get(f)) return false;
            plain = f == std::remove_reference_t<decltype(f)>{};
            return true;
        };
        return (next(field) && ...) && !plain;
    }

    std::string_view in_;
};

// The most bytes a value of T can take when encoded.
template <class T> struct MaxEncoded;
template <class T> requires(std::integral<T> || std::is_enum_v<T>) struct MaxEncoded<T> {
    static constexpr std::size_t value = sizeof(T);
};
template <class R, class P> struct MaxEncoded<std::chrono::duration<R, P>> { static constexpr std::size_t value = 8; };
template <std::size_t N> struct MaxEncoded<Text<N>> { static constexpr std::size_t value = 4 + N; };
template <std::size_t N> struct MaxEncoded<std::array<std::uint8_t, N>> { static constexpr std::size_t value = N; };
template <class T, std::size_t N> struct MaxEncoded<List<T, N>> {
    static constexpr std::size_t value = 4 + N * MaxEncoded<T>::value;
};
template <class T> struct MaxEncoded<std::optional<T>> { static constexpr std::size_t value = 1 + MaxEncoded<T>::value; };
template <class Tuple> struct MaxEncodedTuple;
template <class... T> struct MaxEncodedTuple<std::tuple<T&...>> {
    static constexpr std::size_t value = (std::size_t{0} + ... + MaxEncoded<std::remove_cv_t<T>>::value);
};
template <Record M> struct MaxEncoded<M> : MaxEncodedTuple<decltype(M::fields(std::declval<M&>()))> {};
template <Grown M> struct MaxEncoded<M> {
    static constexpr std::size_t value = MaxEncodedTuple<decltype(M::fields(std::declval<M&>()))>::value +
                                         MaxEncodedTuple<decltype(M::added(std::declval<M&>()))>::value;
};

template <Record M> void encode_to(std::string& out, const M& message) { Writer(out).put_whole(message); }

template <Record M> std::string encode(const M& message) {
    std::string out;
    encode_to(out, message);
    return out;
}

template <Record M> Result<M> decode(std::string_view body) {
    M message{};
    Reader in(body);
    if (!in.get_whole(message)) return Error(Errc::bad_message, "malformed message");
    return message;
}

} // namespace postern
