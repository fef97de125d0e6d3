#include "apid/http/request.h"

#include "libcommon/text.h"

#include <fmt/core.h>

namespace postern::http {

std::string_view Request::header(std::string_view name) const {
    for (const Header& header : headers)
        if (header.name == name) return header.value;
    return {};
}

std::string_view Request::parameter(std::string_view name) const {
    for (const auto& [key, value] : query)
        if (key == name) return value;
    return {};
}

bool percent_decode(std::string_view text, std::string& out) {
    out.clear();
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        const auto byte = text.size() - i < 3 ? std::nullopt : from_hex(text.substr(i + 1, 2));
        if (!byte || byte->front() == '\0') return false;
        out += byte->front();
        i += 2;
    }
    return true;
}

std::string percent_encode(std::string_view text) {
    constexpr std::string_view unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    std::string out;
    for (const char c : text)
        out += unreserved.find(c) != unreserved.npos ? std::string(1, c)
                                                     : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    return out;
}

} // namespace postern::http
