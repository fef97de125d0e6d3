#include "libcommon/codec.h"

#include <catch2/catch.hpp>

using namespace postern;

namespace {
enum class Colour : std::uint8_t { red, green };
constexpr Colour last_enumerator(Colour) { return Colour::green; }

struct Inner {
    std::uint16_t n = 0;
    bool operator==(const Inner&) const = default;
    static auto fields(auto& m) { return std::tie(m.n); }
};
struct Sample {
    std::uint32_t id = 0;
    Colour colour = Colour::red;
    bool flag = false;
    Text<8> name;
    List<Inner, 3> inner;
    std::optional<std::int64_t> maybe;
    std::chrono::milliseconds wait{};
    bool operator==(const Sample&) const = default;
    static auto fields(auto& m) { return std::tie(m.id, m.colour, m.flag, m.name, m.inner, m.maybe, m.wait); }
};
// Three versions of one message.
struct First {
    std::uint32_t id = 0;
    static auto fields(auto& m) { return std::tie(m.id); }
};
struct Second : First {
    bool urgent = false;
    static auto added(auto& m) { return std::tie(m.urgent); }
};
struct Third : Second {
    Text<8> note;
    static auto added(auto& m) { return std::tie(m.urgent, m.note); }
};
Third third(std::uint32_t id, bool urgent, const char* note) {
    Third message;
    message.id = id;
    message.urgent = urgent;
    message.note = note;
    return message;
}
Sample sample() {
    return {7, Colour::green, true, "abc", {{{1}, {2}}}, -5, std::chrono::milliseconds(9)};
}
} // namespace

TEST_CASE("a record comes back as it went") {
    CHECK(*decode<Sample>(encode(sample())) == sample());
    CHECK(*decode<Sample>(encode(Sample{})) == Sample{});
}

TEST_CASE("every prefix and every extra byte of a record is malformed") {
    const std::string whole = encode(sample());
    for (std::size_t size = 0; size < whole.size(); ++size) {
        INFO(size);
        CHECK(decode<Sample>(whole.substr(0, size)).error().code() == Errc::bad_message);
    }
    CHECK_FALSE(decode<Sample>(whole + '\0').ok());
}

TEST_CASE("limits live in the field types") {
    std::string bytes = encode(sample());
    bytes[4] = 2;                                    // no such colour
    CHECK_FALSE(decode<Sample>(bytes).ok());
    bytes[4] = 1;
    bytes[5] = 2;                                    // a bool is 0 or 1
    CHECK_FALSE(decode<Sample>(bytes).ok());
    bytes[5] = 1;
    bytes[6] = 9;                                    // Text<8>
    CHECK_FALSE(decode<Sample>(bytes).ok());
    CHECK(MaxEncoded<Sample>::value == 4 + 1 + 1 + (4 + 8) + (4 + 3 * 2) + (1 + 8) + 8);
}

TEST_CASE("a record that grew reads what the versions before wrote") {
    First first;
    first.id = 7;
    Second second;
    second.id = 8;
    second.urgent = true;
    CHECK(decode<Third>(encode(first))->id == 7);
    CHECK_FALSE(decode<Third>(encode(first))->urgent);
    CHECK(decode<Third>(encode(second))->urgent);
    const auto whole = decode<Third>(encode(third(9, false, "x")));
    REQUIRE(whole.ok());
    CHECK(whole->note.view() == "x");
    CHECK_FALSE(whole->urgent);
}

TEST_CASE("what uses nothing new is what the version before writes") {
    First first;
    first.id = 7;
    CHECK(encode(third(7, false, "")) == encode(first));
    CHECK(decode<First>(encode(third(7, false, "")))->id == 7);
    CHECK(decode<Second>(encode(third(7, true, "")))->urgent);
    CHECK_FALSE(decode<Second>(encode(third(7, true, "x"))).ok());      // said something it does not know
}

TEST_CASE("a record that grew has one encoding, and no part of a field") {
    const std::string whole = encode(third(7, true, "abc"));
    for (std::size_t size = 0; size < whole.size(); ++size) {
        INFO(size);
        CHECK(decode<Third>(whole.substr(0, size)).ok() == (size == 4 || size == 5));
    }
    CHECK_FALSE(decode<Third>(encode(First{}) + '\0').ok());            // a default written out
    CHECK_FALSE(decode<Third>(encode(third(7, true, "")) + std::string(4, '\0')).ok());
    CHECK(MaxEncoded<Third>::value == 4 + 1 + (4 + 8));
}
