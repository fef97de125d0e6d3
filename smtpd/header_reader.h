// The header of a message while it passes: what smtpd wants to know of it, and what must not go on.
//
// One scan, whatever the size: of a line only its name is ever held back, until it is known whether the field goes on, and
// of a value only what is wanted, up to a bound. It sees what the reader of the mailbox will see (libmail/headers.h): lines
// end with LF, the header with the first empty one, and a name may have blanks behind it.
#pragma once

#include "libcommon/utf8.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::smtpd {

// In the order of the table in header_reader.cc.
enum class HeaderField : std::uint8_t {
    from, sender, reply_to, to, cc, subject, date, message_id, in_reply_to, references,   // may come once: RFC 5322 section 3.6
    bcc, resent_bcc, resent_from, resent_sender, received, dkim_signature,
    other,
};
std::string_view to_string(HeaderField field);       // "Reply-To"

class HeaderFields {
  public:
    bool has(HeaderField field) const { return (bits_ >> static_cast<unsigned>(field)) & 1U; }
    void add(HeaderField field) { bits_ |= 1U << static_cast<unsigned>(field); }
    bool operator==(const HeaderFields&) const = default;

  private:
    std::uint32_t bits_ = 0;
};

// Somebody the header says the message is from.
struct Author {
    HeaderField field = HeaderField::from;
    std::string address;
    bool operator==(const Author&) const = default;
};

struct HeaderFacts {
    HeaderFields seen, repeated;
    std::size_t received = 0;              // lines: RFC 5321 section 6.3 counts hops to find loops
    std::string message_id;                // of the first such field, not all of an endless one; for the log
    std::uint64_t bytes = 0;
    bool malformed = false;                // a line that is no field, or a field whose name is none
    bool eight_bit = false;
    bool not_utf8 = false;
    bool bare_line_end = false;            // a lone CR or LF, or a NUL, which only a binary message can bring
    std::vector<Author> authors;           // of a submission
    std::optional<HeaderField> unclear;    // says who the message is from, but not the same to every reader
    bool operator==(const HeaderFacts&) const = default;
};

class HeaderReader {
  public:
    // Of a submission the authors are wanted, and Bcc and Resent-Bcc do not go on (RFC 5322 section 3.6.3).
    enum class For : std::uint8_t { relay, submission };

    HeaderReader() = default;
    // `binary`: nobody has looked yet whether its lines are lines, as ContentStream does with text.
    HeaderReader(For purpose, bool binary) : submission_(purpose == For::submission), binary_(binary) {}

    // Looks at what was appended to `out` behind `from`, and takes out of it what does not go on, or not yet.
    void pass(std::string& out, std::size_t from);
    void finish(std::string& out);         // the message has ended, be it in its header

    bool ended() const { return ended_; }  // what follows is body
    const HeaderFacts& facts() const { return facts_; }

  private:
    bool begin_line(std::string_view rest);
    void begin_field(std::string_view name);
    void take(std::string_view piece);
    void check_octets(std::string_view piece);
    void check_line_ends(std::string_view piece);
    void end_field();
    void end_header();
    void note_authors();

    bool submission_ = false;
    bool binary_ = false;
    bool ended_ = false;
    bool at_line_start_ = true;
    bool dropping_ = false;
    char last_ = '\n';
    HeaderField field_ = HeaderField::other;
    std::size_t wanted_ = 0;               // bytes of the field's value
    std::string value_;
    Utf8Check utf8_;
    std::string held_;                     // the beginning of a line that may yet be a Bcc
    HeaderFacts facts_;
};

} // namespace postern::smtpd
