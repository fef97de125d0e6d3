// A message for a way that carries seven bits only (RFC 6152 section 3, RFC 3030 section 3): the bodies that need it are
// encoded again, part by part; nothing else is touched. Read in blocks, so that a large message costs no copy of itself.
//
// Not every message has such a form. A signature over parts (RFC 1847 section 2.1) and a message of a type that may not be encoded
// (RFC 2046 section 5.2) stand as they are, and octets beyond ASCII in a header have no other form.
#pragma once

#include "libcommon/result.h"
#include "libmail/mime.h"

#include <string>
#include <string_view>
#include <vector>

namespace postern::mail {

class SevenBitForm {
  public:
    // Errc::unsupported: there is none, and why. `message` must outlive it.
    static Result<SevenBitForm> of(std::string_view message);

    std::uint64_t size() const { return size_; }
    // Appends the next block, about 64 KiB; false when there is none.
    bool read(std::string& out);
    void rewind();

  private:
    struct Piece {
        enum class Kind : std::uint8_t { copy, masked, quoted_printable, base64, words } kind = Kind::copy;
        std::size_t begin = 0, end = 0;          // of the message
        std::string_view words = {};             // what is put in
    };
    explicit SevenBitForm(std::string_view message) : message_(message) {}
    Result<void> plan(const Structure& structure);
    Result<void> plan_header(const Structure& structure, const Part& part, std::string_view encoding);
    void put(Piece::Kind kind, std::size_t begin, std::size_t end);
    void say(std::string_view words);

    std::string_view message_;
    std::vector<Piece> pieces_;
    std::uint64_t size_ = 0;
    std::size_t piece_ = 0, at_ = 0;             // where reading is
};

} // namespace postern::mail
