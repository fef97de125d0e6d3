// Requests for reports that tests share.
#pragma once

#include "ipc/report.h"

#include <string>
#include <string_view>

namespace postern::testing {

inline ipc::ReportRecipient failed_recipient(std::string_view address) {
    ipc::ReportRecipient r;
    r.forward_path = r.address = std::string(address);
    r.action = ipc::ReportAction::failed;
    r.status = "5.1.1";
    r.diagnostic = "550 5.1.1 no such user";
    r.remote_mta = "mx.elsewhere.example";
    r.last_attempt = 1'795'251'600;      // Sat, 21 Nov 2026 09:00:00 UTC
    return r;
}

inline ipc::ComposeReport failure_report() {
    ipc::ComposeReport request;
    request.id = {0x1234, 5, 4096};
    request.reverse_path = request.to = "ann@lab.test";
    request.arrived = 1'795'250'400;     // 08:40:00
    request.trace_header = "Received: from host by mx.lab.test;\r\n\tSat, 21 Nov 2026 08:40:00 +0000\r\n";
    request.body = "From: ann@lab.test\r\nSubject: greetings\r\nMessage-ID: <1@lab.test>\r\n\r\nHello.\r\n";
    request.recipients.push_back(failed_recipient("bob@elsewhere.example"));
    return request;
}

} // namespace postern::testing
