// A TCP connection that is being made: from an address of ours, to one of theirs, within a time.
#pragma once

#include "libcommon/loop.h"
#include "libcommon/network.h"
#include "libcommon/owned.h"
#include "libcommon/result.h"

#include <functional>
#include <optional>

namespace postern::smtp_out {

class Connect {
  public:
    // From the loop, once; never after this object is gone. Errc::unavailable is this host's own fault.
    using Done = std::function<void(Result<Fd>)>;
    Connect(Loop& loop, const IpAddress& to, std::uint16_t port, const std::optional<IpAddress>& from,
            std::chrono::milliseconds limit, Done done);

  private:
    Result<void> begin(const IpAddress& to, std::uint16_t port, const std::optional<IpAddress>& from);
    void writable();
    void finish(Result<Fd> result);

    Fd socket_;
    std::unique_ptr<Watch> writable_;
    Timer limit_;
    Done done_;
    std::shared_ptr<bool> alive_;
};

} // namespace postern::smtp_out
