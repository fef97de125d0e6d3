// The content of DATA as it goes over the wire, RFC 5321 section 4.5.2, block by block: a dot before a line that begins with
// one, and the line with nothing but a dot at the end. Pure.
//
// A CR or LF alone never leaves us in it: servers differ on whether it ends a line, and between two that do a message can
// hide another (SMTP smuggling). The queue holds none but in binary messages, which go by BDAT; if one is here, it becomes CRLF.
#pragma once

#include <string>
#include <string_view>

namespace postern::smtp_out {

class DotStuffer {
  public:
    void append(std::string& out, std::string_view block);
    void finish(std::string& out);               // the last line's end if it lacks one, and the dot

  private:
    bool line_begins_ = true;
    bool cr_ = false;                            // seen, and not yet what follows
};

} // namespace postern::smtp_out
