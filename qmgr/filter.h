// Which messages and recipients an operator means. Pure.
#pragma once

#include "ipc/queue.h"
#include "qmgr/journal/record.h"

namespace postern::qmgr {

// `*` stands for anything, ASCII case does not count.
bool matches_pattern(std::string_view pattern, std::string_view text);

class Filter {
  public:
    explicit Filter(const ipc::QueueFilter& conditions);
    bool takes_message(const Accepted& message) const;
    bool takes_recipient(const ipc::EnvelopeRecipient& recipient, const RecipientRecord& record) const;

  private:
    ipc::QueueFilter conditions_;
    std::string error_;              // in lower case
};

} // namespace postern::qmgr
