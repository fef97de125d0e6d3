#include "master/services.h"

#include "libcommon/sandbox.h"

#include <cstdlib>

namespace postern::master {
namespace {

using S = ipc::ServiceId;
using namespace sandbox;

constexpr Service table[] = {
    {.id = S::logd, .user = "postern-log", .root = Root::log_dir, .abilities = files_read | files_write | threads,
     .memory_mib = 512, .logs = true, .stop_order = 9},

    {.id = S::keyd, .user = "postern-key", .memory_mib = 256, .keys = true, .overlaps = true, .stop_order = 8},

    {.id = S::policyd, .user = "postern-policy", .root = Root::policy_state,
     .abilities = files_read | files_write | database, .memory_mib = 1024, .stop_order = 8},

    {.id = S::authd, .user = "postern-auth", .root = Root::auth_state,
     .abilities = files_read | files_write | threads | database | large_memory, .memory_mib = 2048, .stop_order = 7},

    {.id = S::qmgr, .user = "postern-queue", .root = Root::spool,
     .abilities = files_read | files_write | threads, .open_files = 4096, .stop_order = 6},

    {.id = S::imapd, .user = "postern-mail", .root = Root::mail,
     .abilities = files_read | files_write | threads | database, .processes = "processes.imapd",
     .open_files = 32768, .stop_order = 5},

    {.id = S::local, .user = "postern-local", .processes = "processes.local", .memory_mib = 1024, .overlaps = true,
     .stop_order = 4},

    {.id = S::resolvd, .user = "postern-dns", .abilities = connect_sockets, .open_files = 4096, .memory_mib = 1024, 
     .files = "/etc/resolv.conf /etc/hosts", .overlaps = true, .stop_order = 7},

    {.id = S::smtp_out, .user = "postern-out", .abilities = connect_sockets, .processes = "processes.smtp_out", .open_files = 8192,
     .memory_mib = 4096, .files = "outbound.tls_authorities", .secret_files = "outbound.credentials", .overlaps = true, .stop_order = 4},

    {.id = S::fetch, .user = "postern-fetch", .abilities = connect_sockets, .open_files = 1024, .memory_mib = 1024,
     .files = "fetch.tls_authorities", .overlaps = true,
     .stop_order = 7},

    {.id = S::tlspolicyd, .user = "postern-tls", .root = Root::tls_state, .abilities = files_read | files_write | database,
     .memory_mib = 1024, .stop_order = 5},

    {.id = S::bounce, .user = "postern-bounce", .memory_mib = 512, .overlaps = true, .stop_order = 4},

    {.id = S::smtpd, .user = "postern-smtpd", .abilities = accept_sockets,
     .listeners = "smtp.listen_addr smtp.submission_addr smtp.submissions_addr smtp.submit_socket lmtp.socket lmtp.listen_addr", .processes = "processes.smtpd",
     .open_files = 32768, .certificates = "smtp", .overlaps = true, .stop_order = 1},

    {.id = S::imap_login, .user = "postern-login", .abilities = accept_sockets | pass_sockets,
     .listeners = "imap.listen_addr imap.starttls_addr", .processes = "processes.imap_login",
     .open_files = 65536, .certificates = "imap", .overlaps = true, .stop_order = 1},

    {.id = S::api_front, .user = "postern-http", .abilities = accept_sockets, .listeners = "api.listen_addr",
     .memory_mib = 1024, .certificates = "api", .pages = true, .overlaps = true, .stop_order = 2},

    {.id = S::api_local, .user = "postern-http-local", .abilities = accept_sockets, .listeners = "unix:api.sock",
     .memory_mib = 1024, .pages = true, .control = true, .overlaps = true, .stop_order = 2},
};
static_assert(std::size(table) + 1 == ipc::service_count, "one row per service, master apart");

} // namespace

std::span<const Service> services() { return table; }

const Service& service(ipc::ServiceId id) {
    for (const Service& row : table)
        if (row.id == id) return row;
    std::abort();
}

} // namespace postern::master
