// Writes reports of every sort into the folder given, for readers that are not ours: tests/integration/test_reports.py.
#include "delivery/bounce/compose.h"
#include "tests/unit/delivery/report.h"

#include <filesystem>
#include <fstream>

using namespace postern;

namespace {

using Change = void (*)(ipc::ComposeReport&);
struct Sample {
    const char* name;
    Change change;
};
const Sample samples[] = {
    {"failed", [](ipc::ComposeReport&) {}},
    {"headers", [](ipc::ComposeReport& r) { r.ret = ipc::DsnReturn::headers; }},
    {"delayed", [](ipc::ComposeReport& r) {
         auto& recipient = r.recipients.items[0];
         recipient.action = ipc::ReportAction::delayed;
         recipient.status = "4.4.1";
         recipient.retry_until = r.arrived + 432'000;
     }},
    {"delivered", [](ipc::ComposeReport& r) {
         r.recipients.items[0].action = ipc::ReportAction::delivered;
         r.recipients.items[0].status = "2.1.5";
         r.recipients.items[0].original = "rfc822;Bob@elsewhere.example";
         r.envelope_id = "QQ314159";
     }},
    {"postmaster", [](ipc::ComposeReport& r) { r.reverse_path = ""; r.to = "postmaster@lab.test"; }},
    {"eight_bit", [](ipc::ComposeReport& r) { r.body.value += "caf\xC3\xA9\r\n"; }},
    {"broken_header", [](ipc::ComposeReport& r) {
         r.body = "garbage\r\nSubject: caf\xE9\r\nX: " + std::string(3000, 'x') + "\r\n\r\nbody\r\n";
     }},
    {"hostile", [](ipc::ComposeReport& r) {
         r.recipients.items[0].diagnostic = "550 no\r\nX-Evil: 1\r\n\r\n--x";
         r.recipients.items[0].remote_mta = "mx\r\nX-Evil: 2";
         r.envelope_id = "a\r\nX-Evil: 3";
     }},
    {"global_ascii", [](ipc::ComposeReport& r) {
         r.smtputf8 = true;
         r.recipients.items[0].address = r.recipients.items[0].forward_path = "b\xC3\xB6" "b@elsewhere.example";
         r.body = "Subject: gr\xC3\xBC\xC3\x9F\r\n\r\nHello.\r\n";
     }},
    {"global", [](ipc::ComposeReport& r) {
         r.smtputf8 = true;
         r.to = r.reverse_path = "\xC3\xA4nn@lab.test";
         r.body = "Subject: gr\xC3\xBC\xC3\x9F\r\n\r\nHello.\r\n";
     }},
};

} // namespace

int main(int argc, char** argv) {
    if (argc != 2) return 64;
    const bounce::Options options{.hostname = "mx.lab.test", .max_returned = 50 * 1024};
    for (const Sample& sample : samples) {
        auto request = testing::failure_report();
        sample.change(request);
        const auto original = bounce::read_original(request, -1, options.max_returned);
        if (!original) return 70;
        const auto report = bounce::compose(request, *original, options);
        std::ofstream file(std::filesystem::path(argv[1]) / (std::string(sample.name) + ".eml"), std::ios::binary);
        if (!report.composed || !(file << report.message.value).flush()) return 70;
    }
    return 0;
}
