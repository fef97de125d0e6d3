#include "tlspolicyd/reports/delivery.h"

#include "ipc/http.h"
#include "ipc/queue.h"
#include "libmail/date.h"
#include "tlspolicyd/reports/message.h"

#include <ctime>

#include <fmt/format.h>

namespace postern::tlsrpt {
namespace {

constexpr std::chrono::seconds http_time{60}, queue_deadline{60};

Delivered answer_of(const Result<ipc::HttpReply>& reply) {
    if (!reply) return {false, {}, reply.error().message()};
    if (reply->status != ipc::HttpStatus::answered) return {false, {}, fmt::format("{}: {}", to_string(reply->status), reply->reason.view())};
    const std::string code = std::to_string(reply->code);
    if (reply->code < 200 || reply->code > 299) return {false, {}, "the server answered " + code};
    return {true, code, {}};
}

void post(ipc::Daemon& daemon, const Target& target, std::string compressed, std::function<void(Delivered)> done) {
    ipc::HttpRequest request;
    request.method = ipc::HttpMethod::post;
    request.url = target.uri;
    request.content_type = "application/tlsrpt+gzip";
    request.body = std::move(compressed);
    request.timeout = http_time;
    daemon.link(ipc::ServiceId::fetch).call<ipc::HttpRequest>(request, [done = std::move(done)](Result<ipc::HttpReply> reply) {
        done(answer_of(reply));
    }, http_time + std::chrono::seconds(10));
}

// With the null reverse-path, and nobody to be told: a report that does not arrive is an event here, and no mail to anybody. A
// reverse-path of ours would bring back what its receivers' servers say, to an address that need not exist.
ipc::Submit submission(const Target& target, const Reporter& reporter, const Stretch& stretch, std::string_view compressed) {
    ipc::Submit submit;
    submit.envelope.trace = TraceId::make();
    submit.envelope.client = "local";
    submit.envelope.recipients.push_back({target.mailbox, 0, target.mailbox, {}});
    submit.envelope.extensions.recipients.push_back({0, ipc::notify::never, {}});
    submit.envelope.trace_head = fmt::format("Received: by {} (Postern) id ", reporter.hostname);
    submit.envelope.trace_tail = fmt::format(";\r\n\t{}\r\n", mail::format_date({static_cast<std::int64_t>(std::time(nullptr)), 0}));
    submit.body = compose_message(reporter, stretch, target.mailbox, compressed);
    return submit;
}

void mail_it(ipc::Daemon& daemon, ipc::Submit submit, std::function<void(Delivered)> done) {
    daemon.link(ipc::ServiceId::qmgr).call<ipc::Submit>(submit, [done = std::move(done)](Result<ipc::Submitted> submitted) {
        if (!submitted) return done({false, {}, submitted.error().message()});
        if (submitted->status != ipc::SubmitStatus::accepted) return done({false, {}, submitted->reason.value});
        done({true, submitted->id.text(), {}});
    }, queue_deadline);
}

} // namespace

void deliver(ipc::Daemon& daemon, const Target& target, const Reporter& reporter, const Stretch& stretch, std::string compressed,
             std::function<void(Delivered)> done) {
    if (target.mailbox.empty() && compressed.size() > ipc::max_http_body) return done({false, {}, "the report is too large for a request"});
    if (target.mailbox.empty()) return post(daemon, target, std::move(compressed), std::move(done));
    ipc::Submit submit = submission(target, reporter, stretch, compressed);
    if (submit.body.value.size() > ipc::max_inline_body) return done({false, {}, "the report is too large for a message"});
    mail_it(daemon, std::move(submit), std::move(done));
}

} // namespace postern::tlsrpt
