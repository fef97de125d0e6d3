#include "apid/endpoints.h"
#include "apid/local/routes.h"
#include "libcommon/json.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::api;

namespace {

ProcessNumbers process(ipc::ServiceId service, std::uint32_t instance, std::vector<CounterPage::Sample> samples = {}) {
    return {{service, instance, 1}, std::move(samples)};
}

} // namespace

TEST_CASE("Numbers of several processes become one family each") {
    const std::vector<ProcessNumbers> processes = {
        process(ipc::ServiceId::smtpd, 0, {{MetricKind::counter, "mail_received_total", "result=\"accepted\"", "Messages\nin", 5}}),
        process(ipc::ServiceId::smtpd, 1, {{MetricKind::counter, "mail_received_total", "result=\"accepted\"", "Messages\nin", 7},
                                           {MetricKind::gauge, "smtp_active_connections", "", "Now", -1}}),
    };
    CHECK(prometheus_text(processes) ==
          "# HELP mail_received_total Messages\\nin\n"
          "# TYPE mail_received_total counter\n"
          "mail_received_total{result=\"accepted\",service=\"smtpd\",instance=\"0\"} 5\n"
          "mail_received_total{result=\"accepted\",service=\"smtpd\",instance=\"1\"} 7\n"
          "# HELP postern_process_generation Counts the starts of this process\n"
          "# TYPE postern_process_generation gauge\n"
          "postern_process_generation{service=\"smtpd\",instance=\"0\"} 1\n"
          "postern_process_generation{service=\"smtpd\",instance=\"1\"} 1\n"
          "# HELP smtp_active_connections Now\n"
          "# TYPE smtp_active_connections gauge\n"
          "smtp_active_connections{service=\"smtpd\",instance=\"1\"} -1\n");
    CHECK(prometheus_text({}).empty());
}

TEST_CASE("Health is ok while every service has a process") {
    std::vector<ProcessNumbers> processes;
    for (std::size_t i = 1; i < ipc::service_count; ++i) processes.push_back(process(static_cast<ipc::ServiceId>(i), 0));
    processes.push_back(process(ipc::ServiceId::smtpd, 1, {{MetricKind::gauge, "smtp_active_connections", "", "", 3},
                                                           {MetricKind::gauge, "storage_free_bytes", "", "", 900}}));
    processes.push_back(process(ipc::ServiceId::smtpd, 2, {{MetricKind::gauge, "smtp_active_connections", "", "", 4},
                                                           {MetricKind::gauge, "storage_free_bytes", "", "", 800}}));
    auto response = health(processes);
    CHECK(response.status == 200);
    auto body = json::parse(response.body);
    CHECK(*(*body)["status"].text() == "ok");
    CHECK((*body)["services"]["smtpd"]["processes"].number() == std::uint64_t{3});
    CHECK((*body)["smtp"]["active"].number() == std::uint64_t{7});
    CHECK((*body)["storage"]["bytes_free"].number() == std::uint64_t{800});
    CHECK((*body)["queue"]["pending"].is_null());

    processes.push_back(process(ipc::ServiceId::qmgr, 1, {{MetricKind::gauge, "queue_conservation_difference", "", "", -2}}));
    response = health(processes);
    CHECK(response.status == 503);
    CHECK((*json::parse(response.body))["queue"]["unaccounted"].integer() == -2);

    std::erase_if(processes, [](const auto& p) { return p.owner.service == ipc::ServiceId::qmgr; });
    response = health(processes);
    CHECK(response.status == 503);
    CHECK(*(*json::parse(response.body))["status"].text() == "degraded");
}

TEST_CASE("The labels of every route fit into a counter page") {
    for (const Route& route : routes()) {
        INFO(route.path);
        CHECK(request_labels(route.method, route.path, 503).size() < 64);
    }
    CHECK(request_labels("POST", "/api/v1/accounts/{address}/addresses", 204) ==
          "method=\"POST\",endpoint=\"/accounts/*/addresses\",status=\"204\"");
    CHECK(request_labels("BREW", "none", 404) == "method=\"other\",endpoint=\"none\",status=\"404\"");
}
