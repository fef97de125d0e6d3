#include "logd/collector.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace postern;
    logd::parse_datagram({reinterpret_cast<const char*>(data), size}, [](const log::LogRecord& record, std::string_view) {
        for (const logd::Format format : {logd::Format::text, logd::Format::json}) {
            const std::string line = logd::format_line(format, "fuzz/0", record);
            if (line.find('\n') != line.size() - 1 || line.find('\r') != std::string::npos) std::abort();
        }
    });
    return 0;
}
