// Any bytes as a password: what is prepared is UTF-8 without a NUL, and what may be stored may be asked with, the same.
#include "authd/app_password.h"
#include "authd/saslprep.h"
#include "libcommon/text.h"

#include <cstdlib>

using namespace postern;
using namespace postern::authd;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view typed(reinterpret_cast<const char*>(data), size);
    const auto query = saslprep(typed, PrepFor::query), stored = saslprep(typed, PrepFor::stored);
    if (query && (query->empty() || !is_utf8(*query) || query->find('\0') != std::string::npos)) std::abort();
    if (stored && stored != query) std::abort();
    if (const auto app = as_app_password(typed); app && as_app_password(*app) != app) std::abort();
    return 0;
}
