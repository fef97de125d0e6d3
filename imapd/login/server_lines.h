// Follows what imapd says to a client through us, so that, should imapd die, a word of ours would be understood: not in
// the middle of a line or a literal, and not behind its own BYE. Pure; keeps a few bytes of a line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace postern::imap_login {

class ServerLines {
  public:
    void see(std::string_view bytes);
    bool may_speak() const { return head_.empty() && literal_ == 0 && !said_bye_; }

  private:
    void add(std::string_view part);
    void line_ended();

    std::string head_, tail_;           // of the line that has not ended
    std::uint64_t literal_ = 0;         // bytes of it that are still to come
    bool said_bye_ = false;
};

} // namespace postern::imap_login
