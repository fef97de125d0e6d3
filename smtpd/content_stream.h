// The message as it comes in, in pieces of any size: behind DATA (RFC 5321 section 4.5.2) or in chunks of BDAT
// (RFC 3030).
//
// Only <CRLF>.<CRLF> ends what follows DATA. A lone CR or LF is where two servers could disagree about the end, and
// so smuggle a message past one of them (CVE-2023-51764 and its kin): such a message is read to its end and refused
// (RFC 5321 section 2.3.8, RFC 5322 section 2.2). That holds for text by BDAT too, because whoever gets
// it next may get it by DATA; only BODY=BINARYMIME has no lines.
//
// By option a lone CR or LF becomes CRLF instead. Nothing else changes: what follows it is not at the start of a line for
// the transport, so that a dot there is the message's own, ends nothing and stays. A NUL is refused either way: there is
// nothing that it could have meant.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace postern::smtpd {

enum class LineEnds : std::uint8_t { refuse, normalize };

class ContentStream {
  public:
    struct Limits {
        std::uint64_t message_bytes = 0;
        std::size_t line_bytes = 0;           // without CRLF; RFC 5321 section 4.5.3.1.6 promises 998, we may allow more
        LineEnds lone = LineEnds::refuse;     // what becomes of a lone CR or LF
    };
    enum class Fault : std::uint8_t { none, bare_cr, bare_lf, nul, line_too_long, too_large };

    enum class Framing : std::uint8_t { dots, chunks, binary };   // DATA; BDAT; BDAT with BODY=BINARYMIME

    ContentStream() = default;
    ContentStream(Framing framing, Limits limits) : framing_(framing), limits_(limits) {}

    // Takes bytes, behind DATA at most up to and with the end; appends the message, without its dots, to `out`.
    // Returns how many it took. After a fault nothing more is appended.
    std::size_t feed(std::string_view bytes, std::string& out);
    void finish(std::string& out);            // nothing follows

    bool ended() const { return state_ == State::ended; }
    Fault fault() const { return fault_; }    // the first thing that was wrong
    // It ended with <CR><CRLF>.<CRLF>: the end to us, but perhaps not to who relayed it, and what follows is then a third
    // party's words.
    bool end_is_doubtful() const { return framing_ == Framing::dots && ended() && doubtful_; }
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
    void begin_line(char c, std::string& out);
    void in_line(char c, std::string& out);
    void behind_cr(char c, std::string& out);
    void put(std::string_view bytes, std::string& out);
    void end_line(std::string& out);
    void lone(Fault fault, std::string& out);
    void set_fault(Fault fault);

    Framing framing_ = Framing::dots;
    Limits limits_;
    State state_ = State::line_start;
    Fault fault_ = Fault::none;
    bool doubtful_ = false;                   // the line end before this line had a lone CR in front of it
    std::size_t line_ = 0;                    // bytes of the current line
    std::uint64_t size_ = 0;
};

} // namespace postern::smtpd
