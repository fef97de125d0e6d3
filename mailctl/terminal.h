// Passwords from people and from pipes.
#pragma once

#include <string>

namespace postern::mailctl {

// From the terminal without echo, asked twice; or the first line of standard input when that is no terminal.
// Throws Failure: different, empty, or nothing there.
std::string read_password(const std::string& whose);

// A whole file, "-" for standard input. Throws Failure.
std::string read_file(const std::string& name);

} // namespace postern::mailctl
