#include "fetch/service.h"

#include "ipc/ask_dns.h"
#include "libcommon/counters.h"
#include "libcommon/log.h"
#include "libcommon/text.h"
#include "libtls/authorities.h"

#include <openssl/ssl.h>

namespace postern::fetch {
namespace {

constexpr std::size_t shown_url = 300;

Gauge in_work{"fetch_requests_running", "", "Requests in work"};

// One counter for each status, made when it first counts.
void count(ipc::HttpStatus status) {
    static std::unique_ptr<Counter> counters[static_cast<std::size_t>(last_enumerator(ipc::HttpStatus{})) + 1];
    auto& counter = counters[static_cast<std::size_t>(status)];
    if (!counter)
        counter = std::make_unique<Counter>("fetch_requests_total", "result=\"" + std::string(to_string(status)) + "\"",
                                            "Requests to the web, by what became of them");
    counter->add();
}

void tell(const TraceId& trace, const ipc::HttpRequest& request, const ipc::HttpReply& reply, std::chrono::steady_clock::time_point began) {
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began).count();
    log::info("fetch.request", {{"session", trace.text()}, {"method", request.method == ipc::HttpMethod::post ? "POST" : "GET"},
                                {"url", printable(request.url.view(), shown_url)}, {"result", to_string(reply.status)},
                                {"code", reply.code}, {"bytes", reply.body.view().size()}, {"milliseconds", took},
                                {"reason", reply.reason.view()}});
}

} // namespace

Prepared prepare(ipc::Daemon& daemon) {
    OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, nullptr);
    return {std::make_unique<Web>(daemon.loop())};
}

Service::Service(ipc::Daemon& daemon, Prepared prepared)
    : daemon_(daemon), web_(std::move(prepared.web)) {
    configure();
    daemon_.on_reload([this] { configure(); });
    daemon_.on<ipc::HttpRequest>([this](const ipc::Incoming<ipc::HttpRequest>& in) { start(in); });
    daemon_.on_drain([this] {
        draining_ = true;
        if (running_ == 0) daemon_.drained();
    });
}

void Service::configure() {
    const auto authorities = daemon_.file("fetch.tls_authorities");
    if (!authorities) log::error("fetch.option.wrong", {{"session", "all"}, {"option", "fetch.tls_authorities: cannot be read"}});
    rules_.authorities = tls::read_authorities(authorities.value_or(""));
    rules_.private_networks = daemon_.config().networks("fetch.private_networks");
    max_requests_ = daemon_.config().size("fetch.max_requests");
}

void Service::start(const ipc::Incoming<ipc::HttpRequest>& in) {
    const auto done = [trace = TraceId::make(), request = in.message, reply = in.reply,
                       began = std::chrono::steady_clock::now()](const ipc::HttpReply& answer) {
        count(answer.status);
        tell(trace, request, answer, began);
        reply(answer);
    };
    if (running_ >= max_requests_) {
        ipc::HttpReply busy;
        busy.status = ipc::HttpStatus::busy;
        busy.reason = "fetch.max_requests run already";
        return done(busy);
    }
    in_work.set(static_cast<std::int64_t>(++running_));
    const Ask dns = [this](const std::string& name, ipc::DnsType type, std::function<void(const ipc::DnsAnswer&)> answered) {
        ipc::ask_dns(daemon_, name, type, std::move(answered));
    };
    std::make_shared<Request>(daemon_.loop(), *web_, rules_, dns, in.message, [this, done](const ipc::HttpReply& answer) {
        done(answer);
        ended();
    })->start();
}

void Service::ended() {
    in_work.set(static_cast<std::int64_t>(--running_));
    if (draining_ && running_ == 0) daemon_.drained();
}

} // namespace postern::fetch
