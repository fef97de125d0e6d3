// What operators ordered to last, beyond a message and beyond a restart: which mail is held as it comes, and which
// destinations get nothing. Pure; the file it is kept in is journal/orders_file.h.
#pragma once

#include "ipc/queue_admin.h"
#include "qmgr/filter.h"

#include <vector>

namespace postern::qmgr {

struct Orders {
    static constexpr std::size_t max_frozen = 1000;
    std::uint64_t last_rule = 0;                           // numbers are not given twice
    List<ipc::HoldRule, ipc::max_hold_rules> rules;
    List<Text<300>, max_frozen> frozen;                    // destinations
    bool operator==(const Orders&) const = default;
    static auto fields(auto& m) { return std::tie(m.last_rule, m.rules, m.frozen); }
};

class StandingOrders {
  public:
    void set(Orders orders);
    const Orders& get() const { return orders_; }

    // The number of the new rule; Errc::invalid without a condition, Errc::too_large when there are enough.
    Result<std::uint64_t> add(ipc::HoldRule rule);
    bool remove(std::uint64_t number);
    Result<void> freeze(const std::string& destination, bool frozen);

    // The first rule that takes a message that is new, and one of its recipients.
    const ipc::HoldRule* rule_for(const Accepted& message) const;

  private:
    Orders orders_;
    std::vector<Filter> filters_;                          // of the rules, in their order
};

} // namespace postern::qmgr
