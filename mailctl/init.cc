// The first postern.yaml of a host: few lines, each with its reason; every other option has its default.
#include "config/reader.h"
#include "mailctl/verbs.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

#include "libcommon/owned.h"
#include <fmt/core.h>

namespace postern::mailctl {
namespace {

std::string hostname() {
    char name[256] = {};
    return ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

std::string first_configuration(const std::string& host, const std::string& cert, const std::string& key) {
    return fmt::format("# Postern's configuration: what this host decides. Domains and accounts are not here:\n"
                       "# mailctl domain add, mailctl account add. Every option there is: mailctl config options.\n"
                       "server:\n"
                       "  hostname: \"{}\"          # what we call ourselves in SMTP; other servers look it up\n"
                       "smtp:\n"
                       "  tls_cert: \"{}\"\n"
                       "  tls_key: \"{}\"           # read by keyd only\n",
                       host, cert, key);
}

// Written beside and renamed: nobody ever reads half a configuration.
void write_file(const std::filesystem::path& file, const std::string& text, bool replace) {
    const auto fail = [&](int error) {
        throw Failure{error == EACCES || error == EPERM ? exit_no_permission : error == EEXIST ? exit_exists : exit_no_input,
                      error == EEXIST ? file.string() + " exists; --force replaces it"
                                      : file.string() + ": " + std::strerror(error)};
    };
    std::error_code ignored;
    std::filesystem::create_directories(file.parent_path(), ignored);
    if (!replace && std::filesystem::exists(file, ignored)) fail(EEXIST);
    const std::string beside = file.string() + ".new";
    const Fd fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644));
    if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) || ::fsync(fd.get()) != 0)
        fail(errno);
    if (::rename(beside.c_str(), file.c_str()) != 0) fail(errno);
}

} // namespace

int init(const Context& c) {
    const auto& a = c.arguments;
    const std::string host = a.has("--hostname") ? a.one("--hostname") : hostname();
    if (a.has("--cert") != a.has("--key")) throw Failure{exit_usage, "--cert and --key belong together"};
    const std::string text = first_configuration(host, a.one("--cert"), a.one("--key"));
    const auto outcome = config::read_configuration(text, c.config_file, {});
    if (!outcome.mistakes.empty()) throw Failure{exit_data, outcome.mistakes.front()};
    write_file(c.config_file, text, a.has("--force"));
    c.done("wrote " + c.config_file);
    if (host.find('.') == host.npos)
        c.done("note: \"" + host + "\" is not a fully qualified name; set server.hostname before other servers see it");
    if (!a.has("--cert")) c.done("note: without a certificate (smtp.tls_cert, smtp.tls_key) nobody can log in");
    c.done("next: systemctl start postern; mailctl domain add DOMAIN; mailctl account add YOU@DOMAIN --role admin");
    return exit_ok;
}

} // namespace postern::mailctl
