// The cached texts of a batch of messages: from the index; for those it does not have, computed from the file and put
// into the index.
#pragma once

#include "libstore/store.h"

#include <span>
#include <utility>
#include <vector>

namespace postern::imapd {

class Texts {
  public:
    // Replaces what was loaded. `uids` ascend. What cannot be read is not there afterwards. Returns how many of them,
    // from the first, were looked for: reading files is work for several slices.
    std::size_t load(store::Mailbox& mailbox, std::span<const store::Uid> uids);
    const store::Cached* find(store::Uid uid) const;

  private:
    std::vector<std::pair<store::Uid, store::Cached>> texts_;
};

} // namespace postern::imapd
