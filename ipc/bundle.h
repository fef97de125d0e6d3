// Files as records of one memory file, so that a thousand certificates are one descriptor. They are copied inside the kernel:
// who bundles private keys never has a byte of them in its memory.
#pragma once

#include "libcommon/owned.h"
#include "libcommon/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace postern::ipc {

class BundleWriter {
  public:
    // A regular file of at most max_bundled_file bytes, from its beginning.
    Result<void> add(std::string_view name, int file);
    Result<Fd> seal();                   // nobody changes it any more

  private:
    Fd memory_;
};

struct Bundled {
    std::string name, bytes;
};
// From the descriptor's own position: each reader gets one of its own (reopened()).
Result<std::vector<Bundled>> read_bundle(int descriptor);

// Another descriptor of the same memory file, read-only and at its beginning.
Fd reopened(const Fd& memory);

constexpr std::size_t max_bundled_file = 1024 * 1024, max_bundle = 256 * 1024 * 1024;

} // namespace postern::ipc
