#include "authd/handles.h"

#include <cstring>

namespace postern::authd {

std::size_t Handles::ByRandomness::operator()(const Handle& handle) const {
    std::size_t value = 0;
    std::memcpy(&value, handle.bytes.data(), sizeof value);
    return value;
}

std::optional<Handle> Handles::issue(const ipc::Peer& front, AccountId account, ipc::Protocol protocol, Time now) {
    expire(now);
    if (entries_.size() >= limit_) return std::nullopt;
    const bool session = protocol == ipc::Protocol::smtp || protocol == ipc::Protocol::submission;
    const Handle handle = Handle::make();
    entries_[handle] = {front, account, protocol, session ? State::session : State::fresh, now + life_};
    if (!session) fresh_.emplace_back(now + life_, handle);
    return handle;
}

std::optional<AccountId> Handles::redeem(const ipc::Peer& owner, const Handle& handle, ipc::Protocol protocol,
                                         Time now) {
    expire(now);
    const auto found = entries_.find(handle);
    if (found == entries_.end()) return std::nullopt;
    Entry& entry = found->second;
    if (entry.state != State::fresh || entry.protocol != protocol) return std::nullopt;
    entry.state = State::redeemed;
    entry.holder = owner;
    return entry.account;
}

std::optional<AccountId> Handles::session(const ipc::Peer& asker, const Handle& handle) const {
    const auto found = entries_.find(handle);
    if (found == entries_.end() || found->second.state != State::session) return std::nullopt;
    if (asker != found->second.holder && asker.service != ipc::ServiceId::qmgr) return std::nullopt;
    return found->second.account;
}

void Handles::release(const ipc::Peer& holder, const Handle& handle) {
    const auto found = entries_.find(handle);
    if (found != entries_.end() && found->second.holder == holder) entries_.erase(found);
}

void Handles::peer_closed(const ipc::Peer& peer) {
    std::erase_if(entries_, [&](const auto& item) { return item.second.holder == peer; });
}

void Handles::forget(AccountId account) {
    std::erase_if(entries_, [&](const auto& item) { return item.second.account == account; });
}

void Handles::expire(Time now) {
    while (!fresh_.empty() && fresh_.front().first <= now) {
        const auto found = entries_.find(fresh_.front().second);
        if (found != entries_.end() && found->second.state == State::fresh) entries_.erase(found);
        fresh_.pop_front();
    }
}

} // namespace postern::authd
