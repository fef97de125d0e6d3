// The framing of a chunked body, RFC 9112 section 7.1, byte by byte and strictly. Debian's http_parser is built
// without its strict mode and takes any byte after the CR of a chunk's size line for its LF; another reader on the
// path would not, and that is all smuggling needs. Here both must agree on every byte.
#pragma once

#include <cstdint>
#include <string_view>

namespace postern::http {

class ChunkCheck {
  public:
    static constexpr std::size_t max_beside = 4096;   // bytes of extensions and trailers together

    enum class State : std::uint8_t {
        size, extension, size_lf,           // "1a;ext" CR LF
        data, data_cr, data_lf,
        trailer, trailer_line, trailer_lf,  // the last chunk's: lines, then an empty one
        last_lf,
        done, bad,
    };

    // How many of the bytes belong to the body; fewer than all only when it is done or bad.
    std::size_t feed(std::string_view bytes);
    bool done() const { return state_ == State::done; }
    bool bad() const { return state_ == State::bad; }

  private:
    State step(char c);
    State size_digit(char c);
    State beside(char c, State same, State line_end);

    State state_ = State::size;
    std::uint64_t left_ = 0;       // of the size being read, then of its data
    unsigned digits_ = 0;
    std::size_t beside_ = 0;
};

} // namespace postern::http
