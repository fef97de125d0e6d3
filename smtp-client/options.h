// The command line of postern-smtp-client(1).
#pragma once

#include "delivery/smtp/tls_policy.h"
#include "ipc/queue.h"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace postern::smtp_client {

struct Options {
    mail::NextHop hop;                           // no MX is asked
    std::vector<std::string> recipients;         // none: what comes before MAIL is all
    std::string sender, helo;
    smtp_out::TlsLevel tls = smtp_out::TlsLevel::may;
    std::string authorities = "/etc/ssl/certs/ca-certificates.crt";
    std::optional<smtp_out::Credentials> credentials;
    std::optional<IpAddress> source;
    std::optional<std::string> message_file;     // none: a message is made
    bool raw = false;                            // its line ends are left as they are
    bool binary = false, smtputf8 = false, require_tls = false;
    bool chunking = true, pipelining = true;
    std::uint8_t notify = ipc::notify::unsaid;
    ipc::DsnReturn ret = ipc::DsnReturn::unsaid;
    std::string envelope_id;
    std::chrono::seconds timeout{60};
};

// Or the exit code, when what there is to say has been said.
struct Parsed {
    Options options;
    std::optional<int> exit_code;
};
Parsed parse_options(int argc, char** argv);

} // namespace postern::smtp_client
