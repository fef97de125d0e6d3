// The log file and its rotated forerunners: postern.log, postern.log.1 (youngest) … postern.log.N.
#pragma once

#include "libcommon/owned.h"
#include "libcommon/result.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace postern::logd {

class LogFile {
  public:
    LogFile(std::filesystem::path path, std::uint64_t rotate_size, std::uint64_t keep);

    Result<void> open();
    // Appends whole lines; rotates first when the file is full. A failed write is an error and loses these lines.
    Result<void> append(std::string_view lines);
    // When the oldest line there is was written, in seconds since the epoch; nothing when there is none that says so.
    std::optional<std::int64_t> oldest_line() const;

  private:
    void rotate();
    std::filesystem::path numbered(std::uint64_t n) const;

    std::filesystem::path path_;
    std::uint64_t rotate_size_, keep_;
    Fd file_;
    std::uint64_t size_ = 0;
};

} // namespace postern::logd
