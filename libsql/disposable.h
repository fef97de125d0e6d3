// A database whose loss costs something and breaks nothing: a power cut may take its last second, and a file that is damaged is
// set aside, so that its process starts.
#pragma once

#include "libsql/sqlite.h"

namespace postern::sql {

// `tables` makes what is not there yet; `event` is what the log says of a damaged file.
Result<Database> open_disposable(const std::filesystem::path& file, const char* tables, std::string_view event);

} // namespace postern::sql
