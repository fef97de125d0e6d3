// Any response: what is taken has a name and a password without NUL and within authd's limits.
#include "libsasl/plain.h"

#include "ipc/auth.h"
#include "libcommon/text.h"

#include <cstdlib>

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const std::string& base64 : {std::string(text), to_base64(text)}) {
        if (const auto plain = sasl::parse_plain(base64)) {
            if (plain->username.empty() || plain->password.empty()) std::abort();
            if ((plain->authorization + plain->username + plain->password).find('\0') != std::string::npos) std::abort();
            if (plain->username.size() > decltype(ipc::Login::username)::limit) std::abort();
        }
        if (const auto line = sasl::parse_login_line(base64, 320); line && (line->empty() || line->size() > 320)) std::abort();
    }
    return 0;
}
