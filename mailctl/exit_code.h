// What a script can rely on: the numbers of sysexits.h, each with one meaning here.
#pragma once

namespace postern::mailctl {

enum ExitCode : int {
    exit_ok = 0,
    exit_usage = 64,         // the command line is wrong
    exit_data = 65,          // a value was refused; a configuration has mistakes (config check)
    exit_no_input = 66,      // a file could not be read
    exit_not_found = 67,     // no such domain, account, alias or message
    exit_unavailable = 69,   // postern, or a part of it, does not answer
    exit_software = 70,      // an answer nobody expected
    exit_exists = 73,        // it exists already, or is still in use
    exit_no_permission = 77, // the socket, or a file, may not be opened
};

// HTTP's view of the same.
ExitCode exit_code_of(int http_status);

} // namespace postern::mailctl
