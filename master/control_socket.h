// control.sock: what root or the group postern-admin may ask of master when nothing else answers any more. One
// fixed-size request, one fixed-size answer (ipc/birth.h), on a SEQPACKET socket; the file's mode is the permission.
#pragma once

#include "libcommon/loop.h"
#include "master/supervisor.h"

#include <filesystem>
#include <map>
#include <memory>

namespace postern::master {

class ControlSocket {
  public:
    ControlSocket(Loop& loop, Supervisor& supervisor) : loop_(loop), supervisor_(supervisor) {}
    Result<void> listen(const std::filesystem::path& path);

  private:
    struct Client {
        Fd socket;
        std::unique_ptr<Watch> watch;
    };
    void accept_one();
    void readable(std::uint64_t id);

    static constexpr std::size_t max_clients = 16;
    Loop& loop_;
    Supervisor& supervisor_;
    Fd listener_;
    std::unique_ptr<Watch> accept_;
    std::map<std::uint64_t, Client> clients_;
    std::uint64_t next_ = 1;
};

} // namespace postern::master
