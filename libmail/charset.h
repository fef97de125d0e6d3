// Charsets to UTF-8. iconv loads its tables from files, so every descriptor is opened by the constructor: make one
// before confinement, keep it (DESIGN section 3). Not for two threads at once.
#pragma once

#include <iconv.h>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace postern::mail {

class Charsets {
  public:
    Charsets();
    ~Charsets();
    Charsets(const Charsets&) = delete;
    Charsets& operator=(const Charsets&) = delete;

    bool knows(std::string_view charset) const;

    // What cannot be converted becomes U+FFFD. Nothing: no such charset.
    std::optional<std::string> to_utf8(std::string_view charset, std::string_view bytes);

    // The same for readers: an unknown charset gives the bytes as they are.
    std::string readable(std::string_view charset, std::string_view bytes);

  private:
    std::map<std::string, iconv_t, std::less<>> open_;     // by name in lower case
};

} // namespace postern::mail
