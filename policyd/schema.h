// reputation.db: which clients waited and brought mail, and who is banned. Losing it costs strangers a short wait and
// operators their bans, so a power cut may take its last second, and a damaged file is set aside.
#pragma once

#include "libsql/sqlite.h"

namespace postern::policy {

Result<sql::Database> open_reputation(const std::filesystem::path& file);

} // namespace postern::policy
