// Descriptors beside the bytes of a Unix socket (unix(7), SCM_RIGHTS).
#pragma once

#include "libcommon/owned.h"

#include <cstring>
#include <sys/socket.h>

namespace postern::ipc {

struct Ancillary {
    static constexpr std::size_t most = 4;               // descriptors taken in one receive
    alignas(cmsghdr) char room[CMSG_SPACE(sizeof(int) * most)] = {};

    // Sends `descriptor` with the message; -1 sends none.
    void attach(msghdr& header, int descriptor) {
        if (descriptor < 0) return;
        header.msg_control = room;
        header.msg_controllen = CMSG_SPACE(sizeof(int));
        cmsghdr* attached = CMSG_FIRSTHDR(&header);
        attached->cmsg_level = SOL_SOCKET;
        attached->cmsg_type = SCM_RIGHTS;
        attached->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(attached), &descriptor, sizeof descriptor);
    }

    void expect(msghdr& header) {
        header.msg_control = room;
        header.msg_controllen = sizeof room;
    }
    // Hands over every descriptor that came, each owned from here on.
    template <class Take> static void collect(msghdr& header, Take take) {
        for (cmsghdr* attached = CMSG_FIRSTHDR(&header); attached; attached = CMSG_NXTHDR(&header, attached)) {
            if (attached->cmsg_level != SOL_SOCKET || attached->cmsg_type != SCM_RIGHTS) continue;
            const std::size_t count = (attached->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            for (std::size_t i = 0; i < count; ++i) {
                int fd;
                std::memcpy(&fd, CMSG_DATA(attached) + i * sizeof(int), sizeof fd);
                take(Fd(fd));
            }
        }
    }
};

} // namespace postern::ipc
