// Reads the tokens of one complete command: RFC 9051 section 9. Each function takes what it names or fails; after the
// first failure the cursor stays failed, with a reason.
#pragma once

#include "libmail/imap/command.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postern::imap {

class Cursor {
  public:
    Cursor(std::string_view text, Dialect dialect) : text_(text), dialect_(dialect) {}

    bool at_end() const { return at_ == text_.size(); }
    bool next_is(char c) const { return at_ < text_.size() && text_[at_] == c; }
    bool accept(char c) {
        if (!next_is(c)) return false;
        ++at_;
        return true;
    }
    bool accept_word(std::string_view word);        // case-insensitive, and no atom character may follow
    std::size_t position() const { return at_; }

    bool fail(std::string_view why);
    const std::string& error() const { return error_; }

    bool expect(char c);
    bool space() { return expect(' '); }
    bool atom(std::string& out);
    bool tag(std::string& out);
    bool word(std::string& out);                    // an atom, in upper case
    bool fetch_name(std::string& out);              // a word that ends at "["
    bool string(std::string& out);                  // quoted or literal
    bool astring(std::string& out);
    bool nstring(std::optional<std::string>& out);
    bool number(std::uint32_t& out);
    bool number64(std::uint64_t& out);
    bool at_set() const {
        return at_ < text_.size() && (text_[at_] == '*' || (text_[at_] >= '0' && text_[at_] <= '9'));
    }
    bool sequence_set(SequenceSet& out);
    bool flag_list(FlagList& out);                  // with its parentheses
    bool flag(FlagList& out);
    bool date(std::int64_t& day);                   // "1-Feb-1994", quoted or not
    bool date_time(std::int64_t& seconds);          // " 1-Feb-1994 21:52:25 -0800", quoted
    bool mailbox(std::string& out);
    bool list_mailbox(std::string& out);            // a pattern
    bool section(mail::Section& out);               // from behind "[" to behind "]"

    // The header of a literal whose bytes are not part of the text: the message of an APPEND.
    struct LiteralHeader { std::uint64_t size = 0; bool synchronizing = true; };
    std::optional<LiteralHeader> trailing_literal() const;

    // One budget for the whole command: nested lists and keys are charged here.
    bool charge_node();
    bool enter();                                   // a nesting level; leave() gives it back
    void leave() { --depth_; }

  private:
    bool quoted(std::string& out);
    bool literal(std::string& out);
    bool decode_mailbox(std::string& name);
    bool two_digits(unsigned& out);

    std::string_view text_;
    Dialect dialect_;
    std::size_t at_ = 0;
    std::size_t nodes_ = 0, depth_ = 0;
    std::string error_;
};

// "{12}" or "{12+}" at the end of a line (its line end not included). A size that does not fit is nullopt in `size`.
struct LineLiteral {
    std::optional<std::uint64_t> size;
    bool synchronizing = true;
};
std::optional<LineLiteral> literal_at_end(std::string_view line);

} // namespace postern::imap
