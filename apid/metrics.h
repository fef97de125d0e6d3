// The numbers of every process as Prometheus text, and the state of the suite as /health tells it. Both read counter
// pages only: a process that hangs is still seen.
#pragma once

#include "apid/http/response.h"
#include "ipc/channel.h"
#include "libcommon/counters.h"

#include <span>

namespace postern::api {

struct ProcessNumbers {
    ipc::Peer owner;
    std::vector<CounterPage::Sample> samples;
};

// Prometheus text exposition format 0.0.4; each number carries the service and instance it comes from.
std::string prometheus_text(std::span<const ProcessNumbers> processes);

// 200 while every service of the suite has a process, 503 otherwise.
http::Response health(std::span<const ProcessNumbers> processes);

} // namespace postern::api
