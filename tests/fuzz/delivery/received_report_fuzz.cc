// Any message as a report that comes back: as much as there is room for, and never more.
#include "delivery/local/returned.h"
#include "tests/fuzz/libmail/fuzz.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto report = mail::read_report(fuzz_text(data, size));
    if (!report) return 0;
    fuzz_require(report->recipients.size() <= mail::ReceivedReport::max_recipients);
    (void)local::queue_id_of(*report, "mail.lab.test");
    return 0;
}
