// A report as mail: RFC 8460 section 5.3. Pure, and the same bytes for the same report.
#pragma once

#include "tlspolicyd/reports/report.h"

namespace postern::tlsrpt {

// `compressed`: by gzip(). CRLF line ends.
std::string compose_message(const Reporter& reporter, const Stretch& stretch, std::string_view to, std::string_view compressed);

} // namespace postern::tlsrpt
