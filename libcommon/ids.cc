#include "libcommon/ids.h"

#include "libcommon/text.h"

#include <cstdlib>
#include <cstring>
#include <sys/random.h>

namespace postern {

void random_bytes(void* out, std::size_t size) {
    auto* at = static_cast<char*>(out);
    while (size > 0) {
        const ssize_t got = ::getrandom(at, size, 0);
        if (got <= 0) std::abort();
        at += got;
        size -= static_cast<std::size_t>(got);
    }
}

TraceId TraceId::make() {
    // Unique is enough, nobody trusts it: one random start per process, then steps of an odd constant.
    static std::uint64_t next = [] { std::uint64_t seed; random_bytes(&seed, sizeof seed); return seed; }();
    next += 0x9E3779B97F4A7C15ULL;
    return {next};
}

std::string TraceId::text() const {
    std::string bytes;
    for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(value >> shift));
    return to_hex(bytes);
}

namespace {
constexpr std::string_view crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
__extension__ typedef unsigned __int128 Wide;
constexpr std::size_t queue_id_digits = 26;   // 128 bits in digits of 5, the first holding 3
} // namespace

std::string QueueId::text() const {
    Wide all = salt;
    all = (all << 64) | generation;
    all = (all << 32) | offset;
    std::string out(queue_id_digits, '0');
    for (std::size_t i = queue_id_digits; i-- > 0; all >>= 5) out[i] = crockford[static_cast<std::size_t>(all & 31)];
    return out;
}

Result<QueueId> QueueId::parse(std::string_view text) {
    if (text.size() != queue_id_digits) return Error(Errc::invalid, "a queue id has 26 characters");
    Wide all = 0;
    for (char c : ascii_upper(text)) {
        const auto digit = crockford.find(c);
        if (digit == std::string_view::npos) return Error(Errc::invalid, "not a digit of a queue id");
        if ((all >> 123) != 0) return Error(Errc::invalid, "queue id out of range");
        all = (all << 5) | digit;
    }
    return QueueId{static_cast<std::uint32_t>(all >> 96), static_cast<std::uint64_t>(all >> 32),
                   static_cast<std::uint32_t>(all)};
}

Handle Handle::make() {
    Handle handle;
    random_bytes(handle.bytes.data(), handle.bytes.size());
    return handle;
}

} // namespace postern
