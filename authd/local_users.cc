#include "authd/local_users.h"

#include "libcommon/text.h"
#include "libmail/address.h"

#include <fmt/format.h>
#include <sys/socket.h>

namespace postern::authd {

LocalUsers::Names parse_passwd(std::string_view text) {
    LocalUsers::Names names;
    for (const std::string_view line : split(text, '\n')) {
        const auto fields = split(line, ':');
        const auto uid = fields.size() > 2 ? parse_number(fields[2], UINT32_MAX) : std::nullopt;
        if (uid && !fields[0].empty()) names.emplace(static_cast<std::uint32_t>(*uid), fields[0]);     // the first of several counts
    }
    return names;
}

void LocalUsers::configure(std::string hostname, const std::vector<std::string>& trusted) {
    if (!hostname.empty()) hostname_ = std::move(hostname);
    trusted_ = {0};
    for (const std::string& who : trusted) {
        if (const auto uid = parse_number(who, UINT32_MAX)) trusted_.insert(static_cast<std::uint32_t>(*uid));
        for (const auto& [uid, name] : names_)
            if (name == who) trusted_.insert(uid);
    }
}

Result<std::uint32_t> LocalUsers::owner(int socket) const {
    ucred who{};
    socklen_t size = sizeof who;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return Error::from_errno("ask whose connection it is");
    // The kernel calls the ends of a socketpair its maker's. smtpd holds such ones, made by master: they are nobody's connection.
    if (who.pid == 0 || who.pid == master_) return Error(Errc::denied, "not a connection of a program of this host");
    return static_cast<std::uint32_t>(who.uid);
}

std::string LocalUsers::address(std::uint32_t uid) const {
    if (const auto found = names_.find(uid); found != names_.end())
        if (const auto mailbox = mail::parse_mailbox(found->second + "@" + hostname_)) return mailbox->text();
    return fmt::format("uid{}@{}", uid, hostname_);
}

ipc::Verdict LocalUsers::may_send_as(std::uint32_t uid, std::string_view reverse_path) const {
    const bool allowed = reverse_path.empty() || trusted_.contains(uid) || iequals(reverse_path, address(uid));
    return allowed ? ipc::Verdict::allowed : ipc::Verdict::denied;
}

} // namespace postern::authd
