#include "libcommon/owned.h"

#include <fcntl.h>
#include <unistd.h>

namespace postern {

void Fd::reset(int fd) {
    if (fd_ >= 0) ::close(fd_);   // EINTR included, Linux has released the number: never retried
    fd_ = fd;
}

Fd Fd::duplicate() const { return Fd(fd_ < 0 ? -1 : ::fcntl(fd_, F_DUPFD_CLOEXEC, 0)); }

} // namespace postern
