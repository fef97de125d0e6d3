// What master needs of the host before it can start anybody: user ids, directories, listening sockets.
#pragma once

#include "libcommon/config.h"
#include "libcommon/owned.h"
#include "libcommon/result.h"
#include "master/services.h"
#include "master/settings.h"

#include <filesystem>
#include <map>
#include <string>

namespace postern::master {

bool is_root();

// The uid (and gid) a service runs as: of its system user, or of the lab's range; 0 when we are not root ourselves.
Result<std::uint32_t> uid_of(const Service& service, const Options& options);

// A lab's range must not name a real user.
Result<void> check_uid_range(const Options& options);

std::filesystem::path path_of(Root root, const Config& config);

// Makes the service's root with the right owner and mode; an existing one of another owner is refused.
Result<Fd> prepare_root(const Service& service, const Config& config, const Options& options);

// Listening sockets by "option address"; kept over reloads, so that no connection is refused.
class Listeners {
  public:
    // Opens what the configuration names and is not open yet; closes what it does not name any more.
    Result<void> update(const Config& config, const Options& options);
    struct Open {
        std::string name;      // option, or "unix:api.sock"
        std::string address;
        Fd socket;
    };
    const std::map<std::string, Open>& all() const { return open_; }
    void adopt(std::string name, std::string address, Fd socket);

  private:
    std::map<std::string, Open> open_;
};

// A socket to a reader of datagrams that is not ours: syslogd.
Result<Fd> connect_datagram(const std::filesystem::path& path);

// Named sockets exist only for the outside; root and the group may connect.
Result<Fd> listen_unix(const std::filesystem::path& path, int type, std::uint32_t group, bool everybody = false);

// The numeric gid of postern-admin, who may use control.sock and api.sock; 0 when there is no such group.
std::uint32_t admin_group();

// Once everything that needs more is done: the capabilities that starting, confining and reloading take, no other.
Result<void> reduce_capabilities();

} // namespace postern::master
