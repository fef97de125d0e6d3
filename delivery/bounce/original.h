// The message a report speaks of, as much of it as one may bring along.
#pragma once

#include "ipc/report.h"
#include "libcommon/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace postern::bounce {

// What a header may be in a report: a longer one is cut at a line end.
constexpr std::size_t max_header = 32 * 1024;

struct Original {
    std::string header;              // whole lines, without the empty one that ends it
    std::string message;             // header and body; empty when they are more than was asked for
    bool header_cut = false;
    std::uint64_t size = 0;
};

// `body` is its beginning, at least as much of it as both limits want; `size` is how much there is.
Original take_original(std::string_view trace_header, std::string_view body, std::uint64_t size, std::uint64_t max_returned);

// The same, of a body in the request or in the file of descriptor `file`, of which no more is read than is used.
Result<Original> read_original(const ipc::ComposeReport& request, int file, std::uint64_t max_returned);

// What is read of a header's Message-ID, for References: nothing unless it is one (RFC 5322 section 3.6.4).
std::string message_id(std::string_view header);

} // namespace postern::bounce
