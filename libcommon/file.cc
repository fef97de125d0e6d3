#include "libcommon/file.h"

#include <cerrno>
#include <unistd.h>

namespace postern {

Result<std::string> read_piece(int file, std::uint64_t offset, std::size_t length) {
    std::string bytes(length, '\0');
    std::size_t have = 0;
    while (have < length) {
        const ssize_t got = ::pread(file, bytes.data() + have, length - have, static_cast<off_t>(offset + have));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return Error::from_errno("read");
        if (got == 0) break;
        have += static_cast<std::size_t>(got);
    }
    bytes.resize(have);
    return bytes;
}

} // namespace postern
