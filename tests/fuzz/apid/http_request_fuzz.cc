// Any bytes as a stream of requests: read whole or byte by byte they are the same requests, within their limits.
#include "apid/http/request_parser.h"

#include <cstdlib>

using namespace postern::http;

namespace {

constexpr Limits limits{.head = 512, .body = 64};

std::string read(std::string_view bytes, std::size_t chunk) {
    RequestParser parser(limits);
    std::string out;
    while (!bytes.empty()) {
        std::size_t taken = 0;
        const auto state = parser.feed(bytes.substr(0, chunk), taken);
        if (taken == 0 && state == RequestParser::State::incomplete) std::abort();   // it would never end
        bytes.remove_prefix(taken);
        if (state == RequestParser::State::refused) return out + "refused";
        if (state != RequestParser::State::complete) continue;
        const Request request = parser.take();
        if (request.body.size() > limits.body || request.headers.size() > max_headers) std::abort();
        if (!request.header("content-length").empty() && !request.header("transfer-encoding").empty()) std::abort();
        out += request.method + ' ' + request.target + '\n' + request.body + '\n';
        for (const auto& header : request.headers) out += header.name + ':' + header.value + '\n';
    }
    return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    if (read(bytes, size) != read(bytes, 1)) std::abort();
    return 0;
}
