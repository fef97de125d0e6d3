#include "policyd/decide/rates.h"

#include <iterator>

namespace postern::policy {
namespace {

using Kind = ipc::RateKind;

// Whoever logged in is counted by account, not by address: an office behind one address is many people.
constexpr Rule table[] = {
    {Kind::client_connections, "policy.client_connections", Subject::client, Unit::connection, Direction::any},
    {Kind::client_messages, "policy.client_messages", Subject::client, Unit::message, Direction::in},
    {Kind::client_recipients, "policy.client_recipients", Subject::client, Unit::recipient, Direction::in},
    {Kind::account_messages, "policy.account_messages", Subject::account, Unit::message, Direction::out},
    {Kind::account_recipients, "policy.account_recipients", Subject::account, Unit::recipient, Direction::out},
    {Kind::sender_domain_messages, "policy.sender_domain_messages", Subject::domain, Unit::message, Direction::in},
    {Kind::sender_domain_recipients, "policy.sender_domain_recipients", Subject::domain, Unit::recipient, Direction::in},
    {Kind::own_domain_messages, "policy.own_domain_messages", Subject::domain, Unit::message, Direction::out},
    {Kind::own_domain_recipients, "policy.own_domain_recipients", Subject::domain, Unit::recipient, Direction::out},
};
static_assert(std::size(table) == static_cast<std::size_t>(last_enumerator(Kind{})) + 1);

bool applies(const Rule& rule, const Use& use) {
    if (rule.direction != Direction::any && (rule.direction == Direction::out) != (use.account != 0)) return false;
    switch (rule.unit) {
    case Unit::connection: return use.connection;
    case Unit::message: return use.message;
    case Unit::recipient: return use.recipient;
    }
    return false;
}

std::string subject_of(const Rule& rule, const Use& use) {
    switch (rule.subject) {
    case Subject::client: return use.client;
    case Subject::account: return std::to_string(use.account);
    case Subject::domain: return use.domain;
    }
    return {};
}

} // namespace

std::span<const Rule> rules() { return table; }

Rates::Rates(const Config& config, std::size_t most) : windows_(most) { configure(config, most); }

void Rates::configure(const Config& config, std::size_t most) {
    windows_.resize(most);
    rates_.clear();
    for (const Rule& rule : table) rates_.push_back(config.rate(rule.option));
}

std::optional<Limited> Rates::take(const Use& use, Windows::Time now) {
    struct Charge {
        std::string key;
        const Rate* rate;
    };
    std::vector<Charge> charges;
    for (std::size_t i = 0; i < std::size(table); ++i) {
        if (rates_[i].count == 0 || !applies(table[i], use)) continue;
        std::string subject = subject_of(table[i], use);
        if (subject.empty()) continue;
        std::string key = std::string(1, static_cast<char>('A' + i)) + subject;
        const auto wait = windows_.wait(key, rates_[i], now);
        if (wait.count() != 0) return Limited{table[i].kind, std::move(subject), std::chrono::ceil<std::chrono::seconds>(wait)};
        charges.push_back({std::move(key), &rates_[i]});
    }
    for (const Charge& charge : charges) windows_.add(charge.key, *charge.rate, now);
    return std::nullopt;
}

} // namespace postern::policy
