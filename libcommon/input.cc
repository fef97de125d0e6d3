#include "libcommon/input.h"

#include <algorithm>

namespace postern {

void Input::compact() {
    if (read_ == buffer_.size()) {
        buffer_.clear();
        read_ = 0;
        if (buffer_.capacity() > 4096) buffer_.shrink_to_fit();   // idle sessions give their memory back
    } else if (read_ > 4096 && read_ > buffer_.size() / 2) {
        buffer_.erase(0, read_);
        read_ = 0;
    }
}

std::size_t Input::append(std::string_view bytes) {
    compact();
    const std::size_t taken = std::min(bytes.size(), size() < budget_ ? budget_ - size() : 0);
    buffer_.append(bytes.substr(0, taken));
    return taken;
}

void Input::consume(std::size_t count) {
    read_ += std::min(count, size());
    scanned_ = scanned_ > count ? scanned_ - count : 0;
}

Input::Line Input::take_line(std::size_t limit) {
    const std::string_view unread = peek();
    const auto at = unread.substr(0, limit).find('\n', std::min(scanned_, limit));
    if (at == std::string_view::npos) {
        scanned_ = std::min(unread.size(), limit);
        return {unread.size() >= limit ? LineState::too_long : LineState::incomplete, {}, false};
    }
    const bool crlf = at > 0 && unread[at - 1] == '\r';
    read_ += at + 1;
    scanned_ = 0;
    return {LineState::complete, unread.substr(0, crlf ? at - 1 : at), crlf};
}

bool Input::discard_line() {
    const auto at = peek().find('\n');
    consume(at == std::string_view::npos ? size() : at + 1);
    scanned_ = 0;
    return at != std::string_view::npos;
}

void Input::clear() {
    buffer_ = std::string();
    read_ = scanned_ = 0;
}

} // namespace postern
