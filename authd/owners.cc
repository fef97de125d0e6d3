#include "authd/owners.h"

namespace postern::authd {
namespace {

constexpr std::chrono::seconds deadline{5};

} // namespace

void Owners::ready(const ipc::Incoming<ipc::OwnerReady>& in) {
    const std::uint32_t instance = in.channel->peer().instance;
    if (in.message.instance != instance || in.message.of == 0) return in.channel->close("not the owner it says it is");
    uses_.owner_gone(instance, in.message.of);             // the one before, if its end was not seen yet
    owners_[instance] = {in.channel, in.message.of};
}

void Owners::peer_closed(const ipc::Peer& peer) {
    const auto owner = owners_.find(peer.instance);
    if (owner == owners_.end() || owner->second.channel->peer() != peer) return;
    uses_.owner_gone(peer.instance, owner->second.of);
    owners_.erase(owner);
}

ipc::Channel* Owners::owner_of(AccountId account) const {
    for (const auto& [instance, owner] : owners_)
        if (account % owner.of == instance) return owner.channel.get();
    return nullptr;
}

bool Owners::watch(AccountId account, const ipc::MailboxLimits& limits) {
    const bool asked = owner_of(account) != nullptr;
    if (asked) ask(account, limits, [](std::optional<ipc::MailboxUse>) {});
    return asked;
}

void Owners::ask(AccountId account, const ipc::MailboxLimits& limits, std::function<void(std::optional<ipc::MailboxUse>)> done) {
    ipc::Channel* owner = owner_of(account);
    if (!owner) return done(std::nullopt);
    ipc::WatchUse question;
    question.accounts.push_back(account);
    question.limits.push_back(limits);
    owner->call<ipc::WatchUse>(question, [this, account, done = std::move(done)](Result<ipc::UseWatched> answer, Fd) {
        if (!answer || answer->uses.empty()) {
            uses_.not_watched(account);                    // asked again when it is needed again
            return done(std::nullopt);
        }
        uses_.set(answer->uses.items.front());
        done(answer->uses.items.front());
    }, deadline);
}

} // namespace postern::authd
