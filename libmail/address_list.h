// Address lists of header fields: RFC 5322 section 3.4 with the obsolete syntax of section 4.4, and everything
// else people write there. Never fails: what cannot be understood becomes the nearest address. One pass, no
// recursion, one address held at a time (TESTCARD C1: 100,000 of them in one field).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace postern::mail {

struct HeaderAddress {
    enum class Kind { mailbox, group_begin, group_end } kind = Kind::mailbox;
    bool has_name = false;
    std::string name;        // display name, or the comment behind a bare address; encoded words left as they are
    std::string route;       // "@a,@b", obsolete
    std::string local_part;  // without quotes; empty when missing
    std::string domain;      // "example.org", "[192.0.2.1]"; empty when missing
};

class AddressListParser {
  public:
    // Reads a field body, folded or not.
    explicit AddressListParser(std::string_view body) : text_(body) {}

    // False at the end of the list. A group that was never closed is closed there.
    bool next(HeaderAddress& out);

    // Whether everything read so far has one meaning for every reader: nothing was skipped, guessed or left open, and no
    // routes, blanks or comments stand inside an address. A list that is not clear may hide an address from some of them.
    bool clear() const { return clear_; }

  private:
    struct Phrase {
        std::string text;        // words with one space between them, quotes removed
        std::string joined;      // the same without the spaces: a local part
        bool any = false;
    };
    void skip_blank();
    void quoted_string(std::string& out);
    void comment();
    void phrase(Phrase& out);
    void angle_address(HeaderAddress& out);
    void domain(std::string& out);
    bool at(char c) const { return at_ < text_.size() && text_[at_] == c; }

    std::string_view text_;
    std::size_t at_ = 0;
    bool in_group_ = false;
    bool clear_ = true;
    std::string comment_;        // the last one read
};

} // namespace postern::mail
