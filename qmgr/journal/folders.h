// The folders of a spool, opened once; every file is named relative to one of them.
#pragma once

#include "qmgr/journal/sys.h"

namespace postern::qmgr {

struct Folders {
    Fd root, journal, large, deferred, hold, corrupt;

    // Makes those that are missing, and takes the lock that makes this process the spool's only one.
    static Result<Folders> open(Sys& sys, int root);

  private:
    Fd lock_;
};

// Puts bytes aside for an operator; what cannot be put aside is reported by the caller all the same.
Result<void> set_aside(Sys& sys, const Folders& folders, const std::string& name, std::string_view bytes);

} // namespace postern::qmgr
