// The larger grammars of single commands, each in its own file; command.cc's table joins them. Not for other
// folders: they call parse_command().
#pragma once

#include "libmail/imap/command.h"

#include <vector>

namespace postern::imap {

bool parse_status_items(Cursor& in, std::vector<StatusItem>& out);      // parse_list.cc
bool parse_list(Cursor& in, bool uid, Command& out);
bool parse_lsub(Cursor& in, bool uid, Command& out);
bool parse_search(Cursor& in, bool uid, Command& out);                  // parse_search.cc
bool parse_fetch_items(Cursor& in, std::vector<FetchItem>& out);        // parse_fetch.cc

} // namespace postern::imap
