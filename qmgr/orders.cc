#include "qmgr/orders.h"

#include <algorithm>

namespace postern::qmgr {
namespace {

Filter filter_of(const ipc::HoldRule& rule) {
    ipc::QueueFilter conditions;
    conditions.sender = rule.sender;
    conditions.recipient = rule.recipient;
    conditions.domain = rule.domain;
    conditions.arrived_after = rule.since - 1;             // what was here before it is not meant
    return Filter(conditions);
}

} // namespace

void StandingOrders::set(Orders orders) {
    orders_ = std::move(orders);
    filters_.clear();
    for (const ipc::HoldRule& rule : orders_.rules) filters_.push_back(filter_of(rule));
}

Result<std::uint64_t> StandingOrders::add(ipc::HoldRule rule) {
    if (rule.sender.empty() && rule.recipient.empty() && rule.domain.empty())
        return Error(Errc::invalid, "a rule names a sender, a recipient or a domain; * is everybody");
    if (orders_.rules.size() >= ipc::max_hold_rules) return Error(Errc::too_large, "there are as many rules as there may be");
    rule.number = ++orders_.last_rule;
    filters_.push_back(filter_of(rule));
    orders_.rules.push_back(std::move(rule));
    return orders_.last_rule;
}

bool StandingOrders::remove(std::uint64_t number) {
    Orders next = orders_;
    std::erase_if(next.rules.items, [number](const ipc::HoldRule& rule) { return rule.number == number; });
    if (next.rules.size() == orders_.rules.size()) return false;
    set(std::move(next));
    return true;
}

Result<void> StandingOrders::freeze(const std::string& destination, bool frozen) {
    auto& all = orders_.frozen.items;
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& name) { return name.view() == destination; });
    if (!frozen && found != all.end()) all.erase(found);
    if (!frozen || found != all.end()) return {};
    if (all.size() >= Orders::max_frozen) return Error(Errc::too_large, "as many destinations are frozen as may be");
    orders_.frozen.push_back(destination);
    return {};
}

const ipc::HoldRule* StandingOrders::rule_for(const Accepted& message) const {
    const auto& recipients = message.envelope.recipients;
    for (std::size_t i = 0; i < filters_.size(); ++i) {
        if (!filters_[i].takes_message(message)) continue;
        const auto taken = [&](const ipc::EnvelopeRecipient& recipient) { return filters_[i].takes_recipient(recipient, {}); };
        if (std::any_of(recipients.begin(), recipients.end(), taken)) return &orders_.rules.items[i];
    }
    return nullptr;
}

} // namespace postern::qmgr
