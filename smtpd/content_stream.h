// The message as it comes in, in pieces of any size: behind DATA (RFC 5321 section 4.5.2) or in chunks of BDAT
// (RFC 3030).
//
// Only <CRLF>.<CRLF> ends what follows DATA. A lone CR or LF is where two servers could disagree about the end, and
// so smuggle a message past one of them (CVE-2023-51764 and its kin): such a message is read to its end and refused,
// never repaired (RFC 5321 section 2.3.8, RFC 5322 section 2.2). That holds for text by BDAT too, because whoever gets
// it next may get it by DATA; only BODY=BINARYMIME has no lines.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace postern::smtpd {

class ContentStream {
  public:
    struct Limits {
        std::uint64_t message_bytes = 0;
        std::size_t line_bytes = 0;           // without CRLF; RFC 5321 section 4.5.3.1.6 promises 998, we may allow more
    };
    enum class Fault : std::uint8_t { none, bare_cr, bare_lf, nul, line_too_long, too_large };

    enum class Framing : std::uint8_t { dots, chunks, binary };   // DATA; BDAT; BDAT with BODY=BINARYMIME

    ContentStream() = default;
    ContentStream(Framing framing, Limits limits) : framing_(framing), limits_(limits) {}

    // Takes bytes, behind DATA at most up to and with the end; appends the message, without its dots, to `out`.
    // Returns how many it took. After a fault nothing more is appended.
    std::size_t feed(std::string_view bytes, std::string& out);
    void finish();                            // no chunk follows

    bool ended() const { return state_ == State::ended; }
    Fault fault() const { return fault_; }    // the first thing that was wrong
    std::uint64_t size() const { return size_; }

  private:
    enum class State : std::uint8_t {
        line_start,    // behind a CRLF, or at the beginning
        dot,           // behind a dot at the start of a line
        dot_cr,        // behind that and a CR
        line,
        line_cr,       // behind a CR in a line
        ended,
    };
    bool has_lines() const { return framing_ != Framing::binary; }
    std::size_t take_run(std::string_view bytes, std::string& out);
    void step(char c, std::string& out);
    void in_line(char c, std::string& out);
    void behind_cr(char c, std::string& out);
    void put(std::string_view bytes, std::string& out);
    void set_fault(Fault fault);

    Framing framing_ = Framing::dots;
    Limits limits_;
    State state_ = State::line_start;
    Fault fault_ = Fault::none;
    std::size_t line_ = 0;                    // bytes of the current line
    std::uint64_t size_ = 0;
};

} // namespace postern::smtpd
