// The 12 bytes before each message on a channel.
#pragma once

#include "libcommon/codec.h"

namespace postern::ipc {

struct FrameHeader {
    std::uint32_t length = 0;        // of the body
    std::uint16_t type = 0;
    std::uint8_t flags = 0;
    std::uint8_t version = 1;
    std::uint32_t request = 0;       // answers repeat it
    static auto fields(auto& m) { return std::tie(m.length, m.type, m.flags, m.version, m.request); }
};
constexpr std::size_t frame_header_size = MaxEncoded<FrameHeader>::value;
constexpr std::uint8_t frame_has_descriptor = 1, frame_is_reply = 2;
// Without a body: I retire, begin nothing new with me; and the answer to it, behind which nothing new comes.
constexpr std::uint8_t frame_retires = 4, frame_lets_go = 8;
constexpr std::uint8_t frame_version = 1;

} // namespace postern::ipc
