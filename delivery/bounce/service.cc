#include "delivery/bounce/service.h"

#include "delivery/bounce/compose.h"
#include "delivery/bounce/wording.h"
#include "ipc/agent.h"
#include "libcommon/counters.h"
#include "libcommon/log.h"
#include "libcommon/text.h"

namespace postern::bounce {
namespace {

Counter failures{"bounce_reports_total", "kind=\"failed\"", "Delivery reports written, by what they tell"};
Counter delays{"bounce_reports_total", "kind=\"delayed\"", "Delivery reports written, by what they tell"};
Counter successes{"bounce_reports_total", "kind=\"delivered\"", "Delivery reports written, by what they tell"};
Counter refused{"bounce_problems_total", "", "Delivery reports that could not be written"};

// Composing never waits, so this is only how many are on their way to us at once.
constexpr std::uint32_t slots = 8;

void count(Kind kind) {
    Counter* const counters[] = {&failures, &delays, &successes};
    counters[static_cast<std::size_t>(kind)]->add();
}

} // namespace

Service::Service(ipc::Daemon& daemon) : options_(read_options(daemon.config())) {
    daemon.on<ipc::ComposeReport>([this](ipc::Incoming<ipc::ComposeReport> in) { in.reply(answer(in.message, in.descriptor)); });
    daemon.link(ipc::ServiceId::qmgr).on_up([](ipc::Channel& qmgr) {
        qmgr.send(ipc::AgentReady{ipc::AgentKind::bounce, slots});
    });
    daemon.link(ipc::ServiceId::qmgr).connect();
    daemon.on_reload([this, &daemon] { options_ = read_options(daemon.config()); });
}

ipc::ComposedReport Service::answer(const ipc::ComposeReport& request, const Fd& body) const {
    ipc::ComposedReport report;
    if (const auto original = read_original(request, body.get(), options_.max_returned))
        report = compose(request, *original, options_);
    else
        report.reason = printable(original.error().message(), 200);
    if (!report.composed) {
        refused.add();
        log::warning("bounce.report.problem", {{"queue", request.id.text()}, {"session", request.trace.text()},
                                               {"why", report.reason.view()}});
        return report;
    }
    count(kind_of(request));
    log::info("bounce.report.written", {{"queue", request.id.text()}, {"session", request.trace.text()},
                                        {"kind", to_string(kind_of(request))}, {"to", request.to.view()},
                                        {"recipients", request.recipients.size()}, {"size", report.message.view().size()}});
    return report;
}

} // namespace postern::bounce
