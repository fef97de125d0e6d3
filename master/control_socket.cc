#include "master/control_socket.h"

#include "ipc/birth.h"
#include "master/host.h"

#include <sys/socket.h>

namespace postern::master {

Result<void> ControlSocket::listen(const std::filesystem::path& path) {
    auto socket = listen_unix(path, SOCK_SEQPACKET, admin_group());
    if (!socket) return socket.error();
    listener_ = std::move(*socket);
    accept_ = std::make_unique<Watch>(loop_, listener_.get(), Watch::For::read, [this] { accept_one(); });
    accept_->enable();
    return {};
}

void ControlSocket::accept_one() {
    Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket || clients_.size() >= max_clients) return;
    const std::uint64_t id = next_++;
    Client& client = clients_[id];
    client.socket = std::move(socket);
    client.watch = std::make_unique<Watch>(loop_, client.socket.get(), Watch::For::read, [this, id] { readable(id); });
    client.watch->enable();
}

void ControlSocket::readable(std::uint64_t id) {
    auto request = ipc::receive_birth(clients_[id].socket.get());
    if (!request) {
        if (request.error().code() != Errc::unavailable) clients_.erase(id);
        return;
    }
    const ipc::BirthMessage& message = request->message;
    if (message.kind != ipc::BirthKind::control ||
        message.argument > static_cast<std::uint64_t>(last_enumerator(ipc::ControlVerb{}))) {
        clients_.erase(id);
        return;
    }
    supervisor_.control(static_cast<ipc::ControlVerb>(message.argument), message.argument2,
                        [this, id](Supervisor::Answer answer) {
                            const auto client = clients_.find(id);
                            if (client == clients_.end()) return;
                            ipc::BirthMessage reply;
                            reply.kind = ipc::BirthKind::control_answer;
                            reply.set_payload(answer.answer);
                            Fd text;
                            if (!answer.text.empty())
                                if (auto made = ipc::memory_file("answer", answer.text)) text = std::move(*made);
                            (void)ipc::send_birth(client->second.socket.get(), reply, text.get());
                        });
}

} // namespace postern::master
