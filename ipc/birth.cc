#include "ipc/birth.h"

#include "ipc/ancillary.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

namespace postern::ipc {

void add_ticket_key(TicketKeys& keys, const TicketKey& newest) {
    keys.push_front(newest);
    if (keys.size() > ticket_keys_kept) keys.pop_back();
}

BirthMessage of_kind(BirthKind kind, std::string_view name) {
    BirthMessage message;
    message.kind = kind;
    message.set_name(name);
    return message;
}

void BirthMessage::set_name(std::string_view text) {
    name[text.copy(name, sizeof name - 1)] = '\0';   // copy() and not memcpy: an empty text may have no address
}

std::string_view BirthMessage::get_name() const { return {name, ::strnlen(name, sizeof name)}; }

Result<void> send_birth(int socket, const BirthMessage& message, int descriptor, bool wait) {
    iovec part{const_cast<BirthMessage*>(&message), sizeof message};
    Ancillary ancillary;
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    ancillary.attach(header, descriptor);
    const int flags = MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT);
    while (::sendmsg(socket, &header, flags) < 0)
        if (errno != EINTR) return Error::from_errno("speak on the birth socket");
    return {};
}

Result<ReceivedBirth> receive_birth(int socket, bool wait) {
    ReceivedBirth received;
    iovec part{&received.message, sizeof received.message};
    Ancillary ancillary;
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    ancillary.expect(header);
    ssize_t size;
    do {
        size = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
    } while (size < 0 && errno == EINTR);
    if (size < 0) return Error::from_errno("listen on the birth socket");
    Ancillary::collect(header, [&](Fd fd) { received.descriptor = std::move(fd); });
    if (size == 0) return Error(Errc::closed, "the other end of the birth socket is gone");
    if (size != sizeof received.message || (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 ||
        received.message.service > last_enumerator(ServiceId{}))
        return Error(Errc::bad_message, "malformed message on the birth socket");
    return received;
}

Result<Fd> memory_file(std::string_view name, std::string_view bytes) {
    Fd file(::memfd_create(std::string(name).c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!file) return Error::from_errno("make a memory file");
    for (std::size_t written = 0; written < bytes.size();) {
        const ssize_t size = ::write(file.get(), bytes.data() + written, bytes.size() - written);
        if (size < 0) return Error::from_errno("write a memory file");
        written += static_cast<std::size_t>(size);
    }
    if (::lseek(file.get(), 0, SEEK_SET) != 0 ||
        ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
        return Error::from_errno("seal a memory file");
    return file;
}

Result<std::string> read_all(int fd, std::size_t limit) {
    std::string text;
    char buffer[16384];
    for (;;) {
        const ssize_t size = ::read(fd, buffer, sizeof buffer);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return Error::from_errno("read");
        if (size == 0) return text;
        text.append(buffer, static_cast<std::size_t>(size));
        if (text.size() > limit) return Error(Errc::too_large, "more than " + std::to_string(limit) + " bytes");
    }
}

} // namespace postern::ipc
