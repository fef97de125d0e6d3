#include "delivery/smtp/counters.h"

namespace postern::smtp_out::counters {
namespace {

constexpr std::string_view deliveries = "outbound_deliveries_total", deliveries_help = "Recipients of outbound attempts, by result";
constexpr std::string_view connections = "outbound_connections_total", connections_help = "Outbound connections, by how they went";
constexpr std::string_view tls_name = "outbound_tls_total", tls_help = "Outbound connections, by what the server proved";
constexpr std::string_view dane_name = "outbound_dane_hosts_total", dane_help = "Hosts with TLSA records, by whether they help";

Counter by_status[] = {{deliveries, "result=\"delivered\"", deliveries_help},
                       {deliveries, "result=\"deferred\"", deliveries_help},
                       {deliveries, "result=\"failed\"", deliveries_help}};
Counter opened{connections, "result=\"ready\"", connections_help}, broken{connections, "result=\"failed\"", connections_help};
Counter by_authentication[] = {{tls_name, "kind=\"clear\"", tls_help}, {tls_name, "kind=\"unverified\"", tls_help},
                               {tls_name, "kind=\"verified\"", tls_help}, {tls_name, "kind=\"dane-ta\"", tls_help},
                               {tls_name, "kind=\"dane-ee\"", tls_help}};
Counter usable{dane_name, "records=\"usable\"", dane_help}, unusable{dane_name, "records=\"unusable\"", dane_help};
constexpr std::string_view sts_name = "outbound_sts_hosts_total", sts_help = "Hosts of domains with an MTA-STS policy, by what it says";
Counter enforced{sts_name, "policy=\"enforce\"", sts_help}, tested{sts_name, "policy=\"testing\"", sts_help};
Counter unlisted{sts_name, "policy=\"unlisted\"", sts_help};

} // namespace

Counter reused{"outbound_connections_reused_total", "", "Transactions that began on a kept connection"};
Counter resumed{"outbound_tls_resumed_total", "", "TLS handshakes that resumed a session"};
Counter uncertain{"outbound_uncertain_total", "why=\"no-reply\"", "Messages sent whose fate is not known: may arrive twice"};
Counter unrecorded{"outbound_uncertain_total", "why=\"no-queue\"", "Messages sent whose fate is not known: may arrive twice"};
Counter untold{"outbound_tls_results_lost_total", "", "Results of TLS nobody was there to take"};
Counter suppressed{"outbound_suppressed_total", "", "Recipients that were not written to: their addresses are suppressed"};
Counter unasked{"outbound_suppression_unanswered_total", "", "Deliveries that went on without policyd's word on their addresses"};
Gauge running{"outbound_deliveries_running", "", "Deliveries in work"};

void delivered(ipc::DeliveryStatus status) { by_status[static_cast<std::size_t>(status)].add(); }

void connected(bool ready, tls::Authentication authentication) {
    (ready ? opened : broken).add();
    if (ready) by_authentication[static_cast<std::size_t>(authentication)].add();
}

void dane(std::string_view records) { (records == "usable" ? usable : unusable).add(); }

void sts(const TlsPlan& plan) {
    if (plan.basis == TlsBasis::sts) enforced.add();
    if (plan.basis == TlsBasis::sts_testing) tested.add();
}

void sts_refused() { unlisted.add(); }

} // namespace postern::smtp_out::counters
