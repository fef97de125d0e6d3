// Replies of SMTP and LMTP servers, RFC 5321 section 4.2: bytes in, one reply at a time out. What a hostile server can make
// us hold is bounded by max_line and max_text, whatever it sends and however slowly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern::mail {

struct SmtpReply {
    std::uint16_t code = 0;                  // 200 to 599
    std::string enhanced;                    // RFC 2034, of its first line: "5.1.1"; empty when it has none that fits the code
    std::vector<std::string> lines;          // without codes, as they came

    bool is_positive() const { return code < 300; }
    bool is_intermediate() const { return code >= 300 && code < 400; }
    bool is_temporary() const { return code >= 400 && code < 500; }
    bool is_permanent() const { return code >= 500; }
    // One printable line with both codes: "550 5.1.1 no such user; see https://...". At most `limit` bytes.
    std::string text(std::size_t limit = 512) const;
};

class SmtpReplyReader {
  public:
    static constexpr std::size_t max_line = 2048;      // four times section 4.5.3.1.5
    static constexpr std::size_t max_lines = 200;
    static constexpr std::size_t max_text = 32 * 1024;

    enum class State { incomplete, complete, malformed };
    // Takes bytes up to the end of the reply that is being read; `taken` is how many. After complete, reply() is it and the
    // next call begins the next one; after malformed there is nothing to be understood on this connection any more.
    State take(std::string_view bytes, std::size_t& taken);

    const SmtpReply& reply() const { return reply_; }
    std::string_view fault() const { return fault_; }  // what is malformed, with the line: for a log

  private:
    State take_line(std::string_view line);
    State malformed(std::string_view why, std::string_view line);

    SmtpReply reply_;
    std::string line_;                       // the beginning of one
    std::size_t size_ = 0;                   // of the reply so far
    bool ended_ = true;                      // the next line begins a reply
    std::string fault_;
};

// The enhanced code at the beginning of a reply's text, if it is one and of the class of `code`; empty else.
std::string_view enhanced_code(std::uint16_t code, std::string_view text);

} // namespace postern::mail
