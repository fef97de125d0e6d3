#include "master/host.h"

#include "config/schema.h"
#include "config/value.h"
#include "libcommon/text.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <set>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace postern::master {

namespace fs = std::filesystem;

bool is_root() { return ::geteuid() == 0; }

Result<std::uint32_t> uid_of(const Service& service, const Options& options) {
    if (!is_root()) return 0U;
    if (options.uid_base != 0) return options.uid_base + static_cast<std::uint32_t>(service.id);
    const passwd* user = ::getpwnam(std::string(service.user).c_str());
    if (!user) return Error(Errc::not_found, "there is no system user").with("user", service.user);
    if (user->pw_uid == 0) return Error(Errc::denied, "a service never runs as root").with("user", service.user);
    return static_cast<std::uint32_t>(user->pw_uid);
}

Result<void> check_uid_range(const Options& options) {
    if (options.uid_base == 0) return {};
    for (std::uint32_t uid = options.uid_base; uid < options.uid_base + ipc::service_count; ++uid)
        if (const passwd* user = ::getpwuid(uid))
            return Error(Errc::denied, "the uid range names a real user").with("user", user->pw_name);
    return {};
}

fs::path path_of(Root root, const Config& config) {
    const fs::path state = config.text("server.state_dir");
    switch (root) {
    case Root::empty: return state / "empty";
    case Root::spool: return state / "spool";
    case Root::auth_state: return state / "auth";
    case Root::policy_state: return state / "policy";
    case Root::tls_state: return state / "tls";
    case Root::mail: return config.text("storage.maildir_path");
    case Root::log_dir: return config.text("logging.dir");
    }
    return state / "empty";
}

namespace {

// The directories above a root belong to master and are passable, never listable by others.
Result<void> make_parents(const fs::path& path) {
    std::error_code error;
    fs::create_directories(path.parent_path(), error);
    if (error) return Error(Errc::io, "create " + path.parent_path().string() + ": " + error.message());
    return {};
}

Result<Fd> open_directory(const fs::path& path) {
    Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    if (!directory) return Error::from_errno("open " + path.string());
    return directory;
}

} // namespace

Result<Fd> prepare_root(const Service& service, const Config& config, const Options& options) {
    const fs::path path = path_of(service.root, config);
    if (auto made = make_parents(path); !made) return made.error();
    const bool shared_empty = service.root == Root::empty;      // belongs to root, nobody may write
    const bool created = ::mkdir(path.c_str(), shared_empty ? 0755 : 0700) == 0;
    if (!created && errno != EEXIST) return Error::from_errno("create " + path.string());
    auto directory = open_directory(path);
    if (!directory) return directory;

    auto uid = uid_of(service, options);
    if (!uid) return uid.error();
    const std::uint32_t owner = shared_empty ? ::geteuid() : is_root() ? *uid : ::geteuid();
    struct stat status {};
    if (::fstat(directory->get(), &status) != 0) return Error::from_errno("stat " + path.string());
    // A fresh directory, or one that a package made for root, is handed over; one that is somebody else's is not.
    if (status.st_uid != owner) {
        if (!created && status.st_uid != ::geteuid())
            return Error(Errc::denied, path.string() + " belongs to another user").with("uid", std::to_string(status.st_uid));
        if (::fchown(directory->get(), owner, owner) != 0) return Error::from_errno("chown " + path.string());
    }
    if (::fchmod(directory->get(), shared_empty ? 0755 : 0700) != 0) return Error::from_errno("chmod " + path.string());
    return directory;
}

std::uint32_t admin_group() {
    const group* found = ::getgrnam("postern-admin");
    return found ? found->gr_gid : 0;
}

namespace {

constexpr int backlog = 1024;

Result<Fd> listen_tcp(const config::HostPort& where) {
    sockaddr_storage address{};
    socklen_t size = 0;
    const bool v6 = where.host.find(':') != std::string::npos;
    if (v6) {
        auto& in6 = reinterpret_cast<sockaddr_in6&>(address);
        in6.sin6_family = AF_INET6;
        in6.sin6_port = htons(where.port);
        ::inet_pton(AF_INET6, where.host.c_str(), &in6.sin6_addr);
        size = sizeof in6;
    } else {
        auto& in4 = reinterpret_cast<sockaddr_in&>(address);
        in4.sin_family = AF_INET;
        in4.sin_port = htons(where.port);
        ::inet_pton(AF_INET, where.host.c_str(), &in4.sin_addr);
        size = sizeof in4;
    }
    Fd socket(::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return Error::from_errno("make a socket");
    const int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (v6) ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(socket.get(), backlog) != 0)
        return Error::from_errno("listen");
    return socket;
}

Result<sockaddr_un> unix_address(const fs::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.native().size() >= sizeof address.sun_path) return Error(Errc::too_large, "socket path too long: " + path.string());
    std::memcpy(address.sun_path, path.c_str(), path.native().size() + 1);
    return address;
}

} // namespace

Result<Fd> connect_datagram(const fs::path& path) {
    auto address = unix_address(path);
    if (!address) return address.error();
    Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0)
        return Error::from_errno("connect to " + path.string());
    return socket;
}

namespace {

// Anything but a socket is not ours.
void remove_socket(const fs::path& path) {
    struct stat old {};
    if (::lstat(path.c_str(), &old) == 0 && S_ISSOCK(old.st_mode)) ::unlink(path.c_str());
}

} // namespace

Result<Fd> listen_unix(const fs::path& path, int type, std::uint32_t group, bool everybody) {
    auto address = unix_address(path);
    if (!address) return address.error();
    Fd socket(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return Error::from_errno("make a socket");
    if (auto made = make_parents(path); !made) return made.error();
    remove_socket(path);         // left of a master that was killed: two are kept apart by its lock
    const mode_t before = ::umask(everybody ? 0111 : 0117);
    const int bound = ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address);
    ::umask(before);
    if (bound != 0 || ::listen(socket.get(), backlog) != 0) return Error::from_errno("listen");
    if (is_root() && group != 0 && ::lchown(path.c_str(), 0, group) != 0) return Error::from_errno("chown " + path.string());
    return socket;
}

Result<void> reduce_capabilities() {
    if (!is_root()) return {};
    constexpr cap_value_t kept[] = {CAP_SETUID, CAP_SETGID, CAP_SETPCAP, CAP_KILL, CAP_SYS_CHROOT, CAP_NET_BIND_SERVICE,
                                    CAP_CHOWN, CAP_FOWNER, CAP_DAC_OVERRIDE};
    for (int capability = 0; capability <= CAP_LAST_CAP; ++capability)
        if (std::find(std::begin(kept), std::end(kept), capability) == std::end(kept) &&
            ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno != EINVAL)
            return Error::from_errno("reduce the bounding set");
    const Owned<_cap_struct, cap_free> set(cap_init());
    for (const cap_flag_t flag : {CAP_PERMITTED, CAP_EFFECTIVE})
        cap_set_flag(set.get(), flag, static_cast<int>(std::size(kept)), kept, CAP_SET);
    if (cap_set_proc(set.get()) != 0) return Error::from_errno("reduce capabilities");
    return {};
}

void Listeners::adopt(std::string name, std::string address, Fd socket) {
    const std::string key = name + " " + address;
    open_[key] = {std::move(name), std::move(address), std::move(socket)};
}

namespace {

bool is_socket(std::string_view name) {
    return name.starts_with("unix:") || config::find_option(name)->kind == config::Kind::path;
}

std::vector<std::string> addresses_of(std::string_view name, const Config& config) {
    if (name.starts_with("unix:")) return {(fs::path(config.text("server.run_dir")) / name.substr(5)).string()};
    if (!is_socket(name)) return config.list(name);
    return config.text(name).empty() ? std::vector<std::string>() : std::vector<std::string>{config.text(name)};
}

// "lmtp.socket" belongs to lmtp.socket_group. Who may not submit has smtp.submit_socket_group say so; whoever may is known by uid.
bool is_for_everybody(std::string_view name, const Config& config) {
    return name == "smtp.submit_socket" && config.text("smtp.submit_socket_group").empty();
}

Result<std::uint32_t> group_of(std::string_view name, const Config& config) {
    if (name.starts_with("unix:")) return admin_group();
    const std::string& wanted = config.text(std::string(name) + "_group");
    if (wanted.empty()) return 0U;
    const group* found = ::getgrnam(wanted.c_str());
    if (!found) return Error(Errc::not_found, "there is no group " + wanted);
    return static_cast<std::uint32_t>(found->gr_gid);
}

Result<Fd> open_listener(std::string_view name, const std::string& address, const Config& config) {
    if (!is_socket(name)) return listen_tcp(*config::parse_address(address));
    const auto group = group_of(name, config);
    if (!group) return group.error();
    return listen_unix(address, SOCK_STREAM, *group, is_for_everybody(name, config));
}

} // namespace

Result<void> Listeners::update(const Config& config, const Options&) {
    std::set<std::string> wanted;
    for (const Service& service : services()) {
        for (std::string_view name : split(service.listeners, ' ')) {
            if (name.empty()) continue;
            for (const std::string& address : addresses_of(name, config)) {
                const std::string key = std::string(name) + " " + address;
                wanted.insert(key);
                if (open_.contains(key)) continue;
                auto socket = open_listener(name, address, config);
                if (!socket) return socket.error().with("option", name).with("address", address);
                open_[key] = {std::string(name), address, std::move(*socket)};
            }
        }
    }
    std::erase_if(open_, [&](const auto& entry) {
        const bool gone = !wanted.contains(entry.first);
        if (gone && is_socket(entry.second.name)) remove_socket(entry.second.address);
        return gone;
    });
    return {};
}

} // namespace postern::master
