#include "smtp-client/options.h"

#include "libcommon/text.h"

#include <fstream>
#include <sysexits.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

namespace postern::smtp_client {
namespace {

const std::map<std::string, smtp_out::TlsLevel> levels = {{"none", smtp_out::TlsLevel::none},
                                                          {"may", smtp_out::TlsLevel::may},
                                                          {"encrypt", smtp_out::TlsLevel::encrypt},
                                                          {"verify", smtp_out::TlsLevel::verify}};
const std::map<std::string, ipc::DsnReturn> returns = {{"full", ipc::DsnReturn::full}, {"headers", ipc::DsnReturn::headers}};
const std::map<std::string, std::uint8_t> notifications = {{"never", ipc::notify::never},
                                                           {"success", ipc::notify::success},
                                                           {"failure", ipc::notify::failure},
                                                           {"delay", ipc::notify::delay}};

std::string hostname() {
    char name[256] = {};
    return ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

// A password on the command line would be in the list of processes.
std::string first_line(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    if (!std::getline(file, line)) throw CLI::ValidationError("--password-file", path + " cannot be read, or is empty");
    return line;
}

mail::NextHop next_hop(const std::string& text) {
    auto hop = mail::parse_next_hop(text);
    if (!hop) throw CLI::ValidationError("HOST", hop.error().message());
    return *hop;
}

std::optional<IpAddress> address(const std::string& text) {
    if (text.empty()) return std::nullopt;
    const auto found = IpAddress::parse(text);
    if (!found) throw CLI::ValidationError("--source", text + " is not an IP address");
    return *found;
}

} // namespace

Parsed parse_options(int argc, char** argv) {
    Parsed parsed;
    Options& o = parsed.options;
    std::string host, user, password_file, source, message, ret, tls = "may";
    std::vector<std::string> notify;
    int seconds = 60;
    bool no_chunking = false, no_pipelining = false;
    o.helo = hostname();
    CLI::App app("postern-smtp-client speaks SMTP or LMTP with one host, as smtp-out would", "postern-smtp-client");
    app.add_option("HOST", host, "mx.example.org:25, [192.0.2.1]:25, smtps:mx.example.org, lmtp:[127.0.0.1]:24")->required();
    app.add_option("RECIPIENT", o.recipients, "who gets the message; nobody: what the host offers is shown");
    app.add_option("--from", o.sender, "reverse-path; the null one unless given");
    app.add_option("--helo", o.helo, "name in EHLO; this host's unless given");
    app.add_option("--tls", tls, "none, may, encrypt or verify (its certificate)")->check(CLI::IsMember(levels));
    app.add_option("--authorities", o.authorities, "certificates of the authorities, PEM");
    app.add_option("--user", user, "name to log in with");
    app.add_option("--password-file", password_file, "file whose first line is the password");
    app.add_option("--source", source, "address of this host to come from");
    app.add_option("--message", message, "file with the message, - is standard input; a short one is made unless given");
    app.add_flag("--raw", o.raw, "its line ends are CRLF already, or shall stay what they are");
    app.add_flag("--binary", o.binary, "BODY=BINARYMIME");
    app.add_flag("--smtputf8", o.smtputf8, "SMTPUTF8 (RFC 6531)");
    app.add_flag("--require-tls", o.require_tls, "REQUIRETLS (RFC 8689)");
    app.add_flag("--no-chunking", no_chunking, "DATA, where BDAT is offered, too");
    app.add_flag("--no-pipelining", no_pipelining, "one command at a time");
    app.add_option("--notify", notify, "reports about which outcome: never, or success,failure,delay (RFC 3461)")
        ->delimiter(',')->check(CLI::IsMember(notifications));
    app.add_option("--ret", ret, "how much they return: full or headers")->check(CLI::IsMember(returns));
    app.add_option("--envid", o.envelope_id, "what they call the message");
    app.add_option("--timeout", seconds, "seconds that each answer may take")->check(CLI::Range(1, 3600));
    try {
        app.parse(argc, argv);
        o.hop = next_hop(host);
        o.source = address(source);
        if (user.empty() != password_file.empty()) throw CLI::ValidationError("--user", "needs --password-file, and that --user");
        if (!user.empty()) o.credentials = {user, first_line(password_file)};
    } catch (const CLI::ParseError& error) {
        parsed.exit_code = app.exit(error) == 0 ? EX_OK : EX_USAGE;
    }
    if (!message.empty()) o.message_file = message;
    if (const auto level = levels.find(tls); level != levels.end()) o.tls = level->second;
    if (const auto wanted = returns.find(ret); wanted != returns.end()) o.ret = wanted->second;
    for (const std::string& name : notify)
        if (const auto bit = notifications.find(name); bit != notifications.end()) o.notify = static_cast<std::uint8_t>(o.notify | bit->second);
    o.timeout = std::chrono::seconds(seconds);
    o.chunking = !no_chunking;
    o.pipelining = !no_pipelining;
    return parsed;
}

} // namespace postern::smtp_client
