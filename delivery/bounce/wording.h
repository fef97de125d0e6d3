// What a report says to people: plain words about what happened, to whom, and what can be done.
#pragma once

#include "ipc/report.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace postern::bounce {

// What the report as a whole is about: the worst that it tells.
enum class Kind : std::uint8_t { failed, delayed, delivered };
std::string_view to_string(Kind kind);
Kind kind_of(const ipc::ComposeReport& request);

// A report about a message that had nobody to tell goes to the postmaster.
inline bool is_for_postmaster(const ipc::ComposeReport& request) { return request.reverse_path.empty(); }

std::string subject(const ipc::ComposeReport& request);

struct Circumstances {
    std::string_view hostname;
    std::string_view returned;           // "your message", "the header of your message": what the third part is
    std::size_t unlisted = 0;            // recipients the machine's part has no room for
};
// UTF-8, in lines of at most 78 octets where words allow, CRLF line ends.
std::string explanation(const ipc::ComposeReport& request, const Circumstances& circumstances);

} // namespace postern::bounce
