// authd's name for its database (libsql/sqlite.h).
#pragma once

#include "libsql/sqlite.h"

namespace postern::authd {

using sql::Database;
using sql::Rows;
using sql::Transaction;

} // namespace postern::authd
