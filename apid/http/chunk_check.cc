#include "apid/http/chunk_check.h"

#include <algorithm>

namespace postern::http {
namespace {

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

} // namespace

std::size_t ChunkCheck::feed(std::string_view bytes) {
    std::size_t taken = 0;
    while (taken < bytes.size() && state_ != State::done && state_ != State::bad) {
        if (state_ != State::data) {
            state_ = step(bytes[taken++]);
            continue;
        }
        const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size() - taken));
        taken += part;
        left_ -= part;
        if (left_ == 0) state_ = State::data_cr;
    }
    return taken;
}

ChunkCheck::State ChunkCheck::step(char c) {
    const bool cr = c == '\r', lf = c == '\n';
    switch (state_) {
    case State::size: return size_digit(c);
    case State::extension: return beside(c, State::extension, State::size_lf);
    case State::size_lf:
        digits_ = 0;
        return !lf ? State::bad : left_ == 0 ? State::trailer : State::data;
    case State::data_cr: return cr ? State::data_lf : State::bad;
    case State::data_lf: return lf ? State::size : State::bad;
    case State::trailer: return cr ? State::last_lf : beside(c, State::trailer_line, State::bad);
    case State::trailer_line: return beside(c, State::trailer_line, State::trailer_lf);
    case State::trailer_lf: return lf ? State::trailer : State::bad;
    case State::last_lf: return lf ? State::done : State::bad;
    case State::data:
    case State::done:
    case State::bad: break;
    }
    return State::bad;
}

ChunkCheck::State ChunkCheck::size_digit(char c) {
    if (const int value = hex_value(c); value >= 0) {
        if (digits_ == 0) left_ = 0;
        left_ = left_ * 16 + static_cast<std::uint64_t>(value);
        return ++digits_ <= 8 ? State::size : State::bad;      // 4 GiB: more than any limit on bodies
    }
    if (digits_ == 0) return State::bad;
    if (c == '\r') return State::size_lf;
    return c == ';' ? beside(c, State::extension, State::bad) : State::bad;
}

// A character of an extension or a trailer: visible, or a blank.
ChunkCheck::State ChunkCheck::beside(char c, State same, State line_end) {
    if (c == '\r') return line_end;
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = byte == '\t' || (byte >= 0x20 && byte != 0x7f);
    return plain && ++beside_ <= max_beside ? same : State::bad;
}

} // namespace postern::http
