// qmgr's options, from its slice of the configuration.
#pragma once

#include "libcommon/config.h"
#include "qmgr/queue.h"

namespace postern::qmgr {

Spool::Options spool_options(const Config& config);
Queue::Options queue_options(const Config& config);

} // namespace postern::qmgr
