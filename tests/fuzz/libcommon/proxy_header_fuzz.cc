// The beginning of a connection from a proxy: what is complete stays what it is whatever follows, every beginning of it is
// incomplete, and what is malformed does not become better.
#include "libcommon/proxy_header.h"

#include <cstdlib>
#include <string>

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    using State = ProxyParse::State;
    const auto require = [](bool holds) {
        if (!holds) std::abort();
    };
    const ProxyParse parsed = parse_proxy_header(bytes);
    if (parsed.state == State::incomplete) {
        require(size < max_proxy_header);
        return 0;
    }
    const ProxyParse more = parse_proxy_header(std::string(bytes) + "EHLO x\r\n");
    require(more.state == parsed.state && more.length == parsed.length && more.header.client == parsed.header.client);
    if (parsed.state == State::malformed) {
        require(!parsed.why.empty());
        return 0;
    }
    require(parsed.length > 0 && parsed.length <= size && parsed.length <= max_proxy_header);
    for (std::size_t part = 0; part < parsed.length; ++part) require(parse_proxy_header(bytes.substr(0, part)).state == State::incomplete);
    return 0;
}
