// What a port is for. A listener's name is the option its address comes from.
#pragma once

#include <iterator>
#include <string_view>

namespace postern::smtpd {

struct Role {
    std::string_view listener;
    std::string_view name;       // in events
    bool submission = false;     // RFC 6409: TLS, then AUTH, then mail. Otherwise mail for our domains, and no AUTH
    bool implicit_tls = false;   // RFC 8314
    bool lmtp = false;           // RFC 2033: programs of this host, trusted with everything but relaying
    bool local = false;          // submission by users of this host: the kernel says who they are, nobody logs in
};
inline constexpr Role roles[] = {
    {"smtp.listen_addr", "relay", false, false},             // 25
    {"smtp.submission_addr", "submission", true, false},     // 587
    {"smtp.submissions_addr", "submissions", true, true},    // 465
    {"lmtp.socket", "lmtp", false, false, true},
    {"lmtp.listen_addr", "lmtp", false, false, true},
    {"smtp.submit_socket", "local", true, false, false, true},
};

constexpr const Role* role_of(std::string_view listener) {
    for (const Role& role : roles)
        if (role.listener == listener) return &role;
    return nullptr;
}

} // namespace postern::smtpd
