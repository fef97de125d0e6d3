#include "libmail/charset.h"

#include "libcommon/text.h"

#include <algorithm>
#include <array>
#include <cerrno>

namespace postern::mail {
namespace {

// What mail comes in. Names iconv lists differently than MIME are given twice.
constexpr std::string_view charsets[] = {
    "iso-8859-1",   "iso-8859-2",   "iso-8859-3",  "iso-8859-4",   "iso-8859-5",   "iso-8859-6",   "iso-8859-7",
    "iso-8859-8",   "iso-8859-9",   "iso-8859-10", "iso-8859-13",  "iso-8859-14",  "iso-8859-15",  "iso-8859-16",
    "windows-1250", "windows-1251", "windows-1252", "windows-1253", "windows-1254", "windows-1255", "windows-1256",
    "windows-1257", "windows-1258", "cp1252",      "cp437",        "cp850",        "koi8-r",       "koi8-u",
    "gb2312",       "gbk",          "gb18030",     "big5",         "euc-jp",       "shift_jis",    "iso-2022-jp",
    "euc-kr",       "iso-2022-kr",  "tis-620",     "macintosh",    "utf-7",        "utf-16",       "utf-16le",
    "utf-16be",     "utf-32",       "latin1",
};

constexpr std::string_view replacement = "\xEF\xBF\xBD";

bool is_own(std::string_view charset) {
    return charset.empty() || iequals(charset, "utf-8") || iequals(charset, "us-ascii") || iequals(charset, "utf8") ||
           iequals(charset, "ascii");
}

} // namespace

Charsets::Charsets() {
    for (std::string_view name : charsets) {
        const iconv_t descriptor = iconv_open("UTF-8", std::string(name).c_str());
        if (descriptor != reinterpret_cast<iconv_t>(-1))
            open_.emplace(name, descriptor); // a system without it: unknown
    }
}

Charsets::~Charsets() {
    for (auto& [name, descriptor] : open_) iconv_close(descriptor);
}

bool Charsets::knows(std::string_view charset) const {
    return is_own(charset) || open_.count(ascii_lower(charset)) > 0;
}

std::optional<std::string> Charsets::to_utf8(std::string_view charset, std::string_view bytes) {
    if (is_own(charset)) return std::string(bytes);
    const auto found = open_.find(ascii_lower(charset));
    if (found == open_.end()) return std::nullopt;
    const iconv_t descriptor = found->second;
    iconv(descriptor, nullptr, nullptr, nullptr, nullptr);       // a state left by the text before

    std::string out;
    std::array<char, 4096> buffer;
    char* in = const_cast<char*>(bytes.data());                  // iconv's signature; it does not write there
    std::size_t left = bytes.size();
    while (left > 0) {
        char* to = buffer.data();
        std::size_t room = buffer.size();
        const std::size_t before = left;
        const std::size_t result = iconv(descriptor, &in, &left, &to, &room);
        out.append(buffer.data(), buffer.size() - room);
        if (result != static_cast<std::size_t>(-1) || (errno == E2BIG && left < before)) continue;
        out.append(replacement);                                 // EILSEQ, EINVAL: over the byte that fits nowhere
        ++in;
        --left;
    }
    return out;
}

std::string Charsets::readable(std::string_view charset, std::string_view bytes) {
    auto converted = to_utf8(charset, bytes);
    return converted ? std::move(*converted) : std::string(bytes);
}

} // namespace postern::mail
