#include "libmail/idna.h"

#include <idn2.h>
#include <memory>

namespace postern::mail {

Result<std::string> to_a_labels(std::string_view domain) {
    if (domain.find('\0') != std::string_view::npos) return Error(Errc::invalid, "NUL in a domain");
    const std::string terminated(domain);
    std::uint8_t* made = nullptr;
    const int status = idn2_lookup_u8(reinterpret_cast<const std::uint8_t*>(terminated.c_str()), &made,
                                      IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    const std::unique_ptr<std::uint8_t, void (*)(void*)> labels(made, idn2_free);
    if (status != IDN2_OK) return Error(Errc::invalid, idn2_strerror(status));
    return std::string(reinterpret_cast<const char*>(labels.get()));
}

} // namespace postern::mail
