// Takes commands out of a connection's bytes: lines and the literals in them, joined until a command is whole. The
// message of an APPEND is not collected but handed on in pieces. What a command may hold is decided here and
// nowhere else: a client's bytes cost at most `command` each session, whatever state the grammar is in. The Input's
// budget has to be larger than `command`: a line is told to be too long only once that much of it is there.
#pragma once

#include "libcommon/input.h"
#include "libmail/imap/command.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace postern::imap {

struct ReaderLimits {
    std::size_t command = 65'536;      // one command's lines and literals together
    bool appends = true;               // before login there is nothing to append to
};

class CommandReader {
  public:
    struct NeedMore {};
    struct Continuation {};                            // send "+", then go on: the client waits
    struct Complete { std::string_view text; };        // for parse_command(); valid until the next call
    struct AppendBegins { AppendHead head; };          // answer with accept_message() or refuse_message()
    struct MessageBytes { std::string_view bytes; };   // valid until the next call
    struct MessageEnds {};                             // the command is over, its last line end included
    struct Bad { std::string tag, text; };             // say BAD; the next command can come
    struct Fatal { std::string text; };                // say BYE: what follows cannot be told from data
    using Event = std::variant<NeedMore, Continuation, Complete, AppendBegins, MessageBytes, MessageEnds, Bad, Fatal>;

    explicit CommandReader(ReaderLimits limits) : limits_(limits) {}

    Event next(Input& input);

    void set_dialect(Dialect dialect) { dialect_ = dialect; }

    // The next line is not a command: DONE of IDLE, a response of AUTHENTICATE. Given as Complete, once.
    void expect_line() { mode_ = Mode::raw_line; }

    // After AppendBegins. A refused message of a client that does not wait is read and dropped; then the next
    // command comes. The caller says why in its own answer.
    void accept_message();
    void refuse_message();

    bool in_command() const { return mode_ != Mode::line || !text_.empty(); }

  private:
    enum class Mode : std::uint8_t { line, literal, raw_line, append_waits, message, message_line, skip, skip_line };
    static constexpr std::uint64_t max_skipped = 1024 * 1024;   // a literal dropped for the sake of the session
    using Step = std::optional<Event>;                          // nothing: go round again

    Step step(Input& input);
    Step take_line(Input& input);
    Step take_literal(Input& input);
    Step take_message(Input& input);
    Step take_message_line(Input& input);
    Step skip_literal(Input& input);
    Step skip_line(Input& input);
    Step literal_begins(std::uint64_t size, bool synchronizing);
    Step append_begins();
    Step refuse(std::uint64_t literal_size, bool synchronizing, std::string why);
    Step drop_long_line(Input& input);
    void finish_command();

    ReaderLimits limits_;
    Dialect dialect_;
    Mode mode_ = Mode::line;
    bool given_ = false;              // text_ was handed out: it goes at the next call
    bool waits_ = false;              // the client of this APPEND waits for our "+"
    bool dropping_ = false;           // the message of this APPEND was refused
    std::string text_;
    std::uint64_t left_ = 0;          // bytes of a literal still to come
    std::size_t lent_ = 0;            // bytes of the input handed out
    std::string bad_tag_, bad_text_;  // what skipping ends with
};

} // namespace postern::imap
