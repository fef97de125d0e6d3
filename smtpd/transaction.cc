#include "smtpd/transaction.h"

#include <algorithm>

namespace postern::smtpd {
namespace {

// The same large group named again and again costs no recipient, but it has to be remembered.
constexpr std::size_t most_ways = 4 * ipc::max_recipients;

} // namespace

bool Transaction::add_local(const std::string& forward_path, const ipc::RecipientVerdict& verdict,
                            const ipc::RecipientDsn& dsn) {
    const std::size_t more = verdict.targets.size() + verdict.forwards.size();
    if (recipients_.size() + more > ipc::max_recipients || led_to_.size() + more > most_ways) return false;
    // An account gets one copy, by however many of its names and lists it was reached (DESIGN section 4, step 1).
    for (const ipc::LocalTarget& target : verdict.targets)
        add({forward_path, target.account, target.delivered_to, target.detail}, dsn);
    for (const ipc::Address& address : verdict.forwards) add({forward_path, 0, address, {}}, dsn, verdict.reverse_path);
    accepted_.push_back({forward_path, verdict.size_limit, verdict.room});
    return true;
}

bool Transaction::add_foreign(const std::string& forward_path, const ipc::RecipientDsn& dsn) {
    if (recipients_.size() + 1 > ipc::max_recipients || led_to_.size() + 1 > most_ways) return false;
    add({forward_path, 0, forward_path, {}}, dsn);
    accepted_.push_back({forward_path, 0, 0});
    return true;
}

// The RCPT is the one that is about to be accepted.
void Transaction::add(ipc::EnvelopeRecipient recipient, ipc::RecipientDsn dsn, const ipc::Address& leaves_with) {
    const auto same = std::find_if(recipients_.begin(), recipients_.end(), [&](const ipc::EnvelopeRecipient& r) {
        return r.account == recipient.account && (r.account != 0 || r.address == recipient.address);
    });
    dsn.index = static_cast<std::uint32_t>(same - recipients_.begin());
    led_to_.push_back({dsn.index, static_cast<std::uint32_t>(accepted_.size())});
    if (same != recipients_.end()) return;
    recipients_.push_back(std::move(recipient));
    if (!leaves_with.empty()) forwarded_.push_back({dsn.index, leaves_with});
    if (dsn.notify != ipc::notify::unsaid || !dsn.original.empty()) extensions_.recipients.push_back(std::move(dsn));
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
    for (std::size_t rcpt = accepted_.size(); rcpt-- > 0;)
        if (const Fit one = fit(size, rcpt); one != Fit::fits) why = one;
    if (why == Fit::fits) return why;
    // Who was reached by a name that fits, too, stays, under that name: its RCPT is told that the message is here.
    std::vector<const ipc::Address*> stays(recipients_.size());
    for (const auto& [recipient, rcpt] : led_to_)
        if (!stays[recipient] && fit(size, rcpt) == Fit::fits) stays[recipient] = &accepted_[rcpt].forward_path;
    std::vector<std::uint32_t> places(recipients_.size());      // where each of them is afterwards
    std::vector<ipc::EnvelopeRecipient> staying;
    for (std::size_t i = 0; i < recipients_.size(); ++i) {
        if (!stays[i]) continue;
        places[i] = static_cast<std::uint32_t>(staying.size());
        staying.push_back(std::move(recipients_[i]));
        staying.back().forward_path = *stays[i];
    }
    recipients_ = std::move(staying);
    std::erase_if(extensions_.recipients.items, [&](const ipc::RecipientDsn& dsn) { return !stays[dsn.index]; });
    for (ipc::RecipientDsn& dsn : extensions_.recipients) dsn.index = places[dsn.index];
    std::erase_if(forwarded_.items, [&](const ipc::Forwarded& f) { return !stays[f.index]; });
    for (ipc::Forwarded& f : forwarded_) f.index = places[f.index];
    return recipients_.empty() ? why : Fit::fits;
}

} // namespace postern::smtpd
