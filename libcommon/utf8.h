// UTF-8 that comes in pieces: no overlong form, no surrogate, nothing beyond U+10FFFF (RFC 3629 section 4).
#pragma once

#include <string_view>

namespace postern {

class Utf8Check {
  public:
    // False from the first piece on that makes it none.
    bool take(std::string_view piece);
    bool within() const { return left_ > 0; }            // a character, which ends in a later piece or not at all

  private:
    unsigned left_ = 0;                                  // octets that it still needs
    unsigned char low_ = 0x80, high_ = 0xBF;             // what the next one may be
    bool broken_ = false;
};

} // namespace postern
