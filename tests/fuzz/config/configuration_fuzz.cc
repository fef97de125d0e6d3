// Any bytes as postern.yaml: mistakes or a configuration that its own flat form gives back.
#include "config/reader.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace postern;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const config::Outcome outcome = config::read_configuration(text, "fuzz.yaml", {});
    auto back = Config::parse(outcome.config.flat());
    if (!back || back->values() != outcome.config.values()) std::abort();
    (void)Config::parse(text);
    return 0;
}
