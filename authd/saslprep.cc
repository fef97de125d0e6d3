#include "authd/saslprep.h"

#include "libcommon/owned.h"
#include "libcommon/text.h"

#include <cstdlib>

#include <openssl/crypto.h>
#include <stringprep.h>

namespace postern::authd {
namespace {

void wipe_and_free(char* text) {
    OPENSSL_cleanse(text, std::char_traits<char>::length(text));
    std::free(text);   // NOLINT: libidn allocates with malloc
}

} // namespace

std::optional<std::string> saslprep(std::string_view password, PrepFor use) {
    // libidn reads C strings, and trusts its caller that they are UTF-8.
    if (password.find('\0') != std::string_view::npos || !is_utf8(password)) return std::nullopt;
    std::string text(password);
    char* prepared = nullptr;
    const auto flags = use == PrepFor::stored ? STRINGPREP_NO_UNASSIGNED : static_cast<Stringprep_profile_flags>(0);
    const int result = stringprep_profile(text.c_str(), &prepared, "SASLprep", flags);
    OPENSSL_cleanse(text.data(), text.size());
    if (result != STRINGPREP_OK) return std::nullopt;
    const Owned<char, wipe_and_free> owner(prepared);
    if (*prepared == '\0') return std::nullopt;
    return std::string(prepared);
}

} // namespace postern::authd
