// The command line: argv to the command it names. The only file that knows CLI11.
#pragma once

#include "mailctl/command.h"

namespace postern::mailctl {

// Runs what argv names; returns the exit code. Usage errors and --help are answered here.
int run_command_line(int argc, char** argv);

} // namespace postern::mailctl
