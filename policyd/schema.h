// reputation.db: which clients waited and brought mail, who is banned, and which addresses elsewhere refuse mail. Losing it costs
// strangers a short wait and operators their bans and suppressions, so a power cut may take its last second, and a damaged file is set aside.
#pragma once

#include "libsql/sqlite.h"

namespace postern::policy {

Result<sql::Database> open_reputation(const std::filesystem::path& file);

} // namespace postern::policy
