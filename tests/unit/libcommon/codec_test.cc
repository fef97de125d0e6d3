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
