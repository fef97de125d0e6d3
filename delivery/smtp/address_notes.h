// What hosts said of addresses, for policyd: which of them take mail, and which refuse it as addresses.
#pragma once

#include "delivery/smtp/message.h"
#include "delivery/smtp/outcome.h"
#include "ipc/suppression.h"
#include "libcommon/loop.h"

#include <functional>
#include <optional>

namespace postern::smtp_out {

// Nothing: what was said is not about the address, or is not the last word. Pure.
std::optional<ipc::AddressNote> note_of(const QueueId& id, const Outgoing::Recipient& recipient, const Outcome& outcome, std::string_view host);

// What a turn of the loop brings, told together: a report about a message may come back within the same second. What nobody is there to
// take is dropped: it is a count of habits, nothing waits for it.
class AddressNotes {
  public:
    using Tell = std::function<void(const ipc::NoteAddresses& notes)>;
    AddressNotes(Loop& loop, Tell tell) : tell_(std::move(tell)) { loop.at_turn_end([this] { flush(); }); }

    void add(ipc::AddressNote note);
    void flush();

  private:
    Tell tell_;
    ipc::NoteAddresses notes_;
};

} // namespace postern::smtp_out
