#include "authd/uses.h"

namespace postern::authd {

std::optional<Uses::Use> Uses::of(AccountId account, const ipc::MailboxLimits& limits) {
    if (limits == ipc::MailboxLimits() && !entries_.contains(account)) return std::nullopt;
    Entry& entry = entries_[account];
    if ((!entry.watched || entry.told != limits) && ask_) {
        entry.watched = ask_(account, limits);
        entry.told = limits;
    }
    return entry.use;
}

void Uses::set(const ipc::MailboxUse& use) { entries_[use.account].use = Use{use.bytes, use.messages}; }

void Uses::not_watched(AccountId account) {
    if (const auto found = entries_.find(account); found != entries_.end()) found->second.watched = false;
}

void Uses::owner_gone(std::uint32_t instance, std::uint32_t of) {
    for (auto& [account, entry] : entries_)
        if (account % of == instance) entry.watched = false;
}

} // namespace postern::authd
