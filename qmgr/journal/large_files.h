// large/<name>: bodies over the inline limit. smtpd writes into a descriptor it was handed; before the message
// counts, a read lease proves that no writer is left, and size, checksum and both flushes are our own work.
#pragma once

#include "qmgr/journal/record.h"
#include "qmgr/journal/sys.h"

#include <optional>

namespace postern::qmgr {

class LargeFiles {
  public:
    LargeFiles(Sys& sys, int folder) : sys_(sys), folder_(folder) {}

    struct Opened {
        std::uint64_t name = 0;
        Fd descriptor;             // for writing
    };
    Result<Opened> create();
    // Errc::conflict: somebody still has it open for writing. Blocks: not for a loop.
    Result<LargeBody> commit(std::uint64_t name);
    // For reading, checked against its reference. Blocks.
    Result<Fd> open(const LargeBody& body);
    // A piece of it, as it lies there: for people to look at.
    Result<std::string> read(const LargeBody& body, std::uint64_t from, std::size_t size);
    bool is_there(const LargeBody& body);
    Result<void> remove(std::uint64_t name);

    static std::string file_name(std::uint64_t name);
    static std::optional<std::uint64_t> parse_name(std::string_view file_name);

  private:
    Result<LargeBody> measure(int fd, std::uint64_t name);

    Sys& sys_;
    int folder_;
};

} // namespace postern::qmgr
