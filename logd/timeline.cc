#include "logd/timeline.h"

#include "libcommon/text.h"

#include <algorithm>
#include <map>

namespace postern::logd {
namespace {

constexpr std::string_view of_a_transaction[] = {"smtpd.mail.", "smtpd.rcpt.", "smtpd.message."};

bool in_transaction(const Kept& kept) {
    return std::any_of(std::begin(of_a_transaction), std::end(of_a_transaction),
                       [&](std::string_view prefix) { return kept.record.name.view().starts_with(prefix); });
}
bool ends_transaction(const Kept& kept) { return kept.record.name.view().starts_with("smtpd.message."); }

// The number of the transaction each event is in, counted within its connection; of the connection as a whole: -1.
std::vector<int> transactions_of(const std::vector<Kept>& events) {
    std::map<std::string_view, int> current;
    std::vector<int> numbers;
    for (const Kept& kept : events) {
        int& number = current[kept.field("session")];
        numbers.push_back(in_transaction(kept) ? number : -1);
        if (ends_transaction(kept)) ++number;
    }
    return numbers;
}

} // namespace

std::vector<Kept> timeline_of(std::vector<Kept> events, std::string_view normal_key) {
    std::stable_sort(events.begin(), events.end(), [](const Kept& a, const Kept& b) { return a.record.time_us < b.record.time_us; });
    const std::vector<int> numbers = transactions_of(events);

    // 1. what names the key, and by it whole transactions
    std::set<std::string_view> sessions, messages;
    std::set<std::pair<std::string_view, int>> transactions;
    for (std::size_t i = 0; i < events.size(); ++i) {
        if (!mentions(events[i].record, normal_key)) continue;
        const auto session = events[i].field("session");
        if (!session.empty()) sessions.insert(session);
        if (numbers[i] >= 0) transactions.emplace(session, numbers[i]);
        if (const auto queue = events[i].field("queue"); !queue.empty()) messages.insert(queue);
    }
    // 2. the messages that came of those transactions; and the transactions of those messages
    for (std::size_t i = 0; i < events.size(); ++i) {
        const std::pair<std::string_view, int> transaction(events[i].field("session"), numbers[i]);
        const auto queue = events[i].field("queue");
        if (!ends_transaction(events[i]) || queue.empty()) continue;
        if (transactions.contains(transaction)) messages.insert(queue);
        else if (messages.contains(queue)) transactions.insert(transaction);
    }
    // 3. all of these
    std::vector<bool> chosen;
    for (std::size_t i = 0; i < events.size(); ++i) {
        const auto session = events[i].field("session"), queue = events[i].field("queue");
        if (numbers[i] >= 0) chosen.push_back(transactions.contains({session, numbers[i]}));
        else if (!queue.empty()) chosen.push_back(messages.contains(queue));
        else chosen.push_back(session.empty() ? mentions(events[i].record, normal_key) : sessions.contains(session));
    }
    std::vector<Kept> out;
    for (std::size_t i = 0; i < events.size(); ++i)
        if (chosen[i]) out.push_back(std::move(events[i]));
    return out;
}

void add_relations(const Kept& kept, std::set<std::string>& into) {
    for (const std::string_view key : {"session", "queue"})
        if (const auto value = kept.field(key); !value.empty() && value != "all") into.insert(ascii_lower(value));
}

} // namespace postern::logd
