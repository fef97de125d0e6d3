// Which messages went to which addresses elsewhere lately, so that a report that comes back can be believed: it costs nothing to write
// one about an address of somebody else. In memory only: what is not known any more is not acted on. A fingerprint each, under a secret
// of this process.
#pragma once

#include "libcommon/ids.h"

#include <deque>
#include <unordered_set>

namespace postern::policy {

class Sent {
  public:
    explicit Sent(std::size_t most = 200'000) : most_(most), secret_(Handle::make()) {}

    void add(const QueueId& id, std::string_view address);
    // Whether it went there; once, so that one message is refused once however many reports say so.
    bool take(const QueueId& id, std::string_view address);
    std::size_t size() const { return known_.size(); }

  private:
    std::size_t fingerprint(const QueueId& id, std::string_view address) const;

    std::size_t most_;
    Handle secret_;
    std::unordered_set<std::size_t> known_;
    std::deque<std::size_t> order_;              // the oldest at the front
};

} // namespace postern::policy
