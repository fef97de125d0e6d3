// The names of things that travel through every stage: traces, queue ids, account ids, identity handles.
#pragma once

#include "libcommon/result.h"

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

namespace postern {

// An account's immutable number; its addresses may change, this never. 0 is nobody.
using AccountId = std::uint64_t;

// Made at connect, carried by every message that follows: one grep finds a mail's whole life.
struct TraceId {
    std::uint64_t value = 0;

    static TraceId make();
    std::string text() const;   // 16 hex digits
    auto operator<=>(const TraceId&) const = default;
    static auto fields(auto& m) { return std::tie(m.value); }
};

// Names one accepted message for ever: the spool's salt, the segment's generation, the offset in it. Never from
// the clock, never again (DESIGN section 5, rule 1). All zero is no message.
struct QueueId {
    std::uint32_t salt = 0;
    std::uint64_t generation = 0;
    std::uint32_t offset = 0;     // of its record in the segment, in bytes

    std::string text() const;     // 26 characters of Crockford's base 32
    static Result<QueueId> parse(std::string_view text);
    auto operator<=>(const QueueId&) const = default;
    static auto fields(auto& m) { return std::tie(m.salt, m.generation, m.offset); }
};

// authd's answer to a login: says nothing, opens everything it stands for; redeemed at authd only.
struct Handle {
    std::array<std::uint8_t, 16> bytes{};

    static Handle make();
    bool empty() const { return *this == Handle{}; }
    auto operator<=>(const Handle&) const = default;
    static auto fields(auto& m) { return std::tie(m.bytes); }
};

// Fills from the kernel's generator; aborts when it has none to give, which Linux after boot never says.
void random_bytes(void* out, std::size_t size);

} // namespace postern
