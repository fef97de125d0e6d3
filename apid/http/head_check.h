// What a request's head must be before anything acts on it. http_parser reads leniently, and two readers that
// disagree about where a message ends are how requests are smuggled: whatever could be read in two ways is refused
// here, whole, first (RFC 9112 section 11.2).
#pragma once

#include "apid/http/request.h"

#include <cstdint>
#include <optional>

namespace postern::http {

struct Refusal {
    int status = 400;
    std::string_view why;
};

struct Head {
    std::string_view method, target;
    bool http_1_1 = true;
    std::vector<Header> headers;
    bool chunked = false;
    std::optional<std::uint64_t> length;
    bool expects_continue = false;
};

constexpr std::size_t max_headers = 100;
constexpr std::size_t max_target = 8000;   // RFC 9112 section 3

// `text` is the head with the empty line that ends it.
std::optional<Refusal> check_head(std::string_view text, Head& head);

} // namespace postern::http
