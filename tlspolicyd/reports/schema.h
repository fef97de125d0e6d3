// results.db: what came of TLS with other domains' hosts, until it has been reported. Losing it costs others a report. A process that
// dies takes nothing with it.
#pragma once

#include "libsql/sqlite.h"

namespace postern::tlsrpt {

Result<sql::Database> open_results(const std::filesystem::path& file);

} // namespace postern::tlsrpt
