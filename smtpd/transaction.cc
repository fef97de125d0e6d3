#include "smtpd/transaction.h"

#include <algorithm>
#include <optional>
#include <set>

namespace postern::smtpd {

bool Transaction::add_local(const std::string& forward_path, const ipc::RecipientVerdict& verdict,
                            const ipc::RecipientDsn& dsn) {
    if (recipients_.size() + verdict.targets.size() + verdict.forwards.size() > ipc::max_recipients) return false;
    // An account gets one copy, by however many of its names and lists it was reached (DESIGN section 4, step 1).
    for (const ipc::LocalTarget& target : verdict.targets)
        if (!has_account(target.account))
            add({forward_path, target.account, target.delivered_to, target.detail}, dsn);
    for (const ipc::Address& address : verdict.forwards)
        if (!has_address(address)) add({forward_path, 0, address, {}}, dsn);
    accepted_.push_back({forward_path, verdict.size_limit, verdict.room});
    return true;
}

bool Transaction::add_foreign(const std::string& forward_path, const ipc::RecipientDsn& dsn) {
    if (recipients_.size() + 1 > ipc::max_recipients) return false;
    if (!has_address(forward_path)) add({forward_path, 0, forward_path, {}}, dsn);
    accepted_.push_back({forward_path, 0, 0});
    return true;
}

void Transaction::add(ipc::EnvelopeRecipient recipient, ipc::RecipientDsn dsn) {
    dsn.index = static_cast<std::uint32_t>(recipients_.size());
    recipients_.push_back(std::move(recipient));
    if (dsn.notify != ipc::notify::unsaid || !dsn.original.empty()) extensions_.recipients.push_back(std::move(dsn));
}

bool Transaction::has_account(AccountId account) const {
    return std::any_of(recipients_.begin(), recipients_.end(),
                       [&](const ipc::EnvelopeRecipient& r) { return r.account == account; });
}

bool Transaction::has_address(const ipc::Address& address) const {
    return std::any_of(recipients_.begin(), recipients_.end(),
                       [&](const ipc::EnvelopeRecipient& r) { return r.account == 0 && r.address == address; });
}

Transaction::Fit Transaction::fit(std::uint64_t size, std::size_t rcpt) const {
    const auto over = [size](std::uint64_t most) { return most != 0 && size > most; };
    if (over(sender_limit_)) return Fit::too_large_to_send;
    const Accepted& one = accepted_.at(rcpt);
    return over(one.size_limit) ? Fit::too_large : over(one.room) ? Fit::over_quota : Fit::fits;
}

Transaction::Fit Transaction::fit(std::uint64_t size) const {
    std::size_t full = 0;
    for (std::size_t rcpt = 0; rcpt < accepted_.size(); ++rcpt) {
        const Fit one = fit(size, rcpt);
        if (one == Fit::over_quota) ++full;
        else if (one != Fit::fits) return one;
    }
    return full > 0 && full == accepted_.size() ? Fit::over_quota : Fit::fits;
}

Transaction::Fit Transaction::drop_unfit(std::uint64_t size) {
    Fit why = Fit::fits;
    std::set<std::string_view> leaving;
    for (std::size_t rcpt = accepted_.size(); rcpt-- > 0;) {
        const Fit one = fit(size, rcpt);
        if (one == Fit::fits) continue;
        why = one;
        leaving.insert(accepted_[rcpt].forward_path);
    }
    if (leaving.empty()) return Fit::fits;
    std::vector<std::optional<std::uint32_t>> places;           // where each of the recipients is afterwards
    std::vector<ipc::EnvelopeRecipient> staying;
    for (ipc::EnvelopeRecipient& recipient : recipients_) {
        const bool stays = !leaving.contains(recipient.forward_path.view());
        places.push_back(stays ? std::optional(static_cast<std::uint32_t>(staying.size())) : std::nullopt);
        if (stays) staying.push_back(std::move(recipient));
    }
    recipients_ = std::move(staying);
    std::erase_if(extensions_.recipients.items, [&](const ipc::RecipientDsn& dsn) { return !places[dsn.index]; });
    for (ipc::RecipientDsn& dsn : extensions_.recipients) dsn.index = *places[dsn.index];
    return recipients_.empty() ? why : Fit::fits;
}

} // namespace postern::smtpd
