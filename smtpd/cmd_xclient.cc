// XCLIENT: from here on the client is the one it names, and everything begins anew, but for TLS, which is the proxy's.
#include "smtpd/session.h"

namespace postern::smtpd {

void Session::handle(const Xclient& c) {
    event::ClientNamed named{client_.address, c.name, c.helo, c.protocol, c.destination, c.port, c.destination_port};
    // Who does not know its client's address speaks for itself.
    if (!c.address.empty()) client_.address = c.address;
    effects_.events.push_back(std::move(named));
    if (const auto destination = IpAddress::parse(c.destination)) local_ = destination;
    end_auth();
    if (!handle_.empty()) effects_.tells.push_back(ipc::ReleaseHandle{std::exchange(handle_, {})});
    account_ = 0;
    helo_.clear();
    state_ = State::fresh;
    only_ticket_ = ask(ipc::CheckClient{client_.trace, role_.submission ? ipc::Protocol::submission : ipc::Protocol::smtp, client_.address});
}

void Session::on(const ClientJudged& judged, std::int64_t) {
    if (judged.refusal.code == 0) return greet();
    write_reply(effects_.send, judged.refusal, judged.detail);
    close();
}

} // namespace postern::smtpd
