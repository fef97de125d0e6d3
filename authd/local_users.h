// Users of this host who send mail over smtp.submit_socket. Who connected, the kernel says (SO_PEERCRED), here and not in smtpd: a
// smtpd that was broken into could name anybody, and this process decides what may leave the host.
#pragma once

#include "ipc/auth.h"
#include "libcommon/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace postern::authd {

class LocalUsers {
  public:
    using Names = std::unordered_map<std::uint32_t, std::string>;

    // `master`: the process that made our channels, whose sockets are no client's.
    LocalUsers(Names names, std::int64_t master) : names_(std::move(names)), master_(master) {}

    // `trusted`: login names or uids that may send as anybody, as root may.
    void configure(std::string hostname, const std::vector<std::string>& trusted);

    // Whose connection this is.
    Result<std::uint32_t> owner(int socket) const;

    // "ann@mx.example.org"; "uid1234@mx.example.org" of who has no name, or one that is no local part.
    std::string address(std::uint32_t uid) const;

    // As itself, or with the null reverse-path; as anybody, if trusted.
    ipc::Verdict may_send_as(std::uint32_t uid, std::string_view reverse_path) const;

  private:
    Names names_;
    std::int64_t master_;
    std::string hostname_ = "localhost";
    std::unordered_set<std::uint32_t> trusted_;
};

// The names of /etc/passwd's lines. Read once, before this process confines itself: who is added later is known by number until the
// suite is restarted.
LocalUsers::Names parse_passwd(std::string_view text);

} // namespace postern::authd
