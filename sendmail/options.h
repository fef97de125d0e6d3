// The command line of sendmail, as programs have called it for forty years: what is not known to them all is refused, what made
// sense elsewhere only is taken and means nothing. Pure.
#pragma once

#include "libcommon/result.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::sendmail {

enum class Mode { deliver, smtp, queue, nothing };    // -bm, -bs, -bp and mailq, -bi and newaliases

struct Options {
    Mode mode = Mode::deliver;
    bool read_recipients = false;                // -t
    bool dots_are_text = false;                  // -i: a line that is a dot does not end the message
    std::optional<std::string> sender;           // -f, -r; empty: the null reverse-path
    std::string full_name;                       // -F
    std::string notify, ret, envelope_id;        // -N, -R, -V: RFC 3461
    std::vector<std::string> recipients;
};

// `arguments` without the program's name; errors are for the user.
Result<Options> parse_options(std::string_view program, const std::vector<std::string>& arguments);

} // namespace postern::sendmail
