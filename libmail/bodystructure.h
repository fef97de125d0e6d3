// IMAP's BODY and BODYSTRUCTURE of a message, as text ready to send (RFC 9051 section 7.5.2).
#pragma once

#include "libmail/mime.h"

#include <string>

namespace postern::mail {

std::string bodystructure_text(const Structure& structure);   // with the extension data
std::string body_text(const Structure& structure);            // FETCH BODY: without

} // namespace postern::mail
