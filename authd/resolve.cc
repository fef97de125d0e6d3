#include "authd/resolve.h"

#include "authd/address.h"
#include "authd/schema.h"
#include "authd/send_as.h"
#include "libcommon/counters.h"
#include "libcommon/log.h"
#include "libcommon/text.h"

#include <algorithm>

namespace postern::authd {

using ipc::RecipientStatus;

namespace {

Counter rewritten{"auth_srs_total", "result=\"rewritten\"", "Reverse-paths rewritten, reports returned and refused"};
Counter not_rewritten{"auth_srs_total", "result=\"too_long\"", "Reverse-paths rewritten, reports returned and refused"};
Counter returned{"auth_srs_total", "result=\"returned\"", "Reverse-paths rewritten, reports returned and refused"};
Counter not_returned{"auth_srs_total", "result=\"refused\"", "Reverse-paths rewritten, reports returned and refused"};

ipc::RecipientVerdict refusal(RecipientStatus status) {
    ipc::RecipientVerdict verdict;
    verdict.status = status;
    return verdict;
}

// In the order of ipc::Verdict.
constexpr RecipientStatus posting_status[] = {RecipientStatus::deliver, RecipientStatus::not_permitted,
                                              RecipientStatus::unavailable};

ipc::Verdict verdict_of(bool allowed) { return allowed ? ipc::Verdict::allowed : ipc::Verdict::denied; }

template <class List, class T> bool contains(const List& items, const T& item) {
    return std::find(items.begin(), items.end(), item) != items.end();
}

// What of a message an address takes: the most that any of its targets does. A list is not refused for one full mailbox;
// that one's copy waits in the queue for its owner to make room.
struct Appetite {
    std::uint64_t size_limit = 0, room = 0;
};

std::uint64_t room_in(const Expansion::Allowance& allowance, const std::optional<Uses::Use>& use) {
    const std::uint64_t quota = allowance.quota_bytes == 0 ? UINT64_MAX : allowance.quota_bytes;
    if (!use) return quota;                                // whatever it holds, more than all of it never fits
    if (allowance.quota_messages != 0 && use->messages >= allowance.quota_messages) return 0;
    if (allowance.quota_bytes == 0) return UINT64_MAX;
    return use->bytes < quota ? quota - use->bytes : 0;
}

Appetite appetite_of(const Expansion& expansion, Uses& uses) {
    constexpr Appetite boundless{UINT64_MAX, UINT64_MAX};
    if (expansion.reserved || !expansion.verdict.forwards.empty()) return boundless;
    Appetite most;
    for (std::size_t i = 0; i < expansion.allowances.size(); ++i) {
        const Expansion::Allowance& allowance = expansion.allowances[i];
        const auto use = uses.of(expansion.verdict.targets.items[i].account, {allowance.quota_bytes, allowance.quota_messages});
        most.size_limit = std::max(most.size_limit, allowance.size_limit == 0 ? UINT64_MAX : allowance.size_limit);
        most.room = std::max(most.room, room_in(allowance, use));
    }
    return most;
}

std::uint64_t told(std::uint64_t limit) { return limit == UINT64_MAX ? 0 : limit; }

} // namespace

Result<void> Resolver::load() {
    if (loaded_) return {};
    if (!srs_) {
        auto secret = srs_secret(db_);
        if (!secret) return secret.error();
        srs_.emplace(std::move(*secret));
    }
    domains_.clear();
    auto done = load_domains(db_, domains_);
    loaded_ = done.ok();
    return done;
}

void Resolver::forget() {
    loaded_ = false;
    young_.clear();
    old_.clear();
}

void Resolver::configure(const ForwardingSettings& settings) {
    forwarding_ = settings;
    forget();
}

Resolver::Known Resolver::remembered(std::string_view address) {
    if (const auto found = young_.find(address); found != young_.end()) return found->second;
    const auto found = old_.find(address);
    if (found == old_.end()) return nullptr;
    auto node = old_.extract(found);
    return young_.insert(std::move(node)).position->second;
}

Resolver::Known Resolver::expand(std::string_view address) {
    const std::int64_t now = clock_();
    if (Known known = remembered(address); known && now < known->until) return known;
    const auto fail = [](const Error& error) {
        log::error("auth.resolve.failed", {{"error", error.message()}});
        return std::make_shared<const Expansion>();        // says unavailable
    };
    if (auto loaded = load(); !loaded) return fail(loaded.error());
    auto made = authd::expand(db_, domains_, roles_, {*srs_, forwarding_.max_days}, address, now);
    if (!made) return fail(made.error());
    if (made->verdict.status == RecipientStatus::loop) log::warning("auth.alias.loop", {{"address", printable(address)}});
    auto known = std::make_shared<const Expansion>(std::move(*made));
    if (known->verdict.status != RecipientStatus::deliver) return known;
    if (young_.size() >= max_remembered) {
        old_ = std::move(young_);
        young_.clear();
    }
    young_.insert_or_assign(std::string(address), known);
    return known;
}

ipc::RecipientVerdict Resolver::recipient(const ipc::ResolveRecipient& question, AccountId sender) {
    const Known known = expand(question.forward_path);
    if (known->fault) return refuse_return(question, to_string(*known->fault));
    if (known->verdict.status != RecipientStatus::deliver) return known->verdict;
    if (known->is_return && !may_return(question.reverse_path)) return refuse_return(question, "not a report");
    for (const Expansion::Gate& gate : known->gates) {
        const ipc::Verdict verdict = known->reserved ? ipc::Verdict::allowed : may_post(gate, question.reverse_path, sender);
        if (verdict != ipc::Verdict::allowed) return refusal(posting_status[static_cast<std::size_t>(verdict)]);
    }
    const Appetite most = appetite_of(*known, uses_);
    if (question.size > most.size_limit) return refusal(RecipientStatus::too_large);
    if (most.room == 0 || question.size > most.room) return refusal(RecipientStatus::over_quota);
    ipc::RecipientVerdict verdict = known->verdict;
    verdict.size_limit = told(most.size_limit);
    verdict.room = told(most.room);
    verdict.reverse_path = forwarded_as(*known, question);
    if (known->is_return) {
        returned.add();
        log::info("auth.srs.return", {{"session", question.trace.text()}, {"address", printable(question.forward_path.view())}});
    }
    return verdict;
}

ipc::RecipientVerdict Resolver::refuse_return(const ipc::ResolveRecipient& question, std::string_view why) const {
    not_returned.add();
    log::info("auth.srs.refuse", {{"session", question.trace.text()}, {"address", printable(question.forward_path.view())}, {"why", why}});
    return refusal(RecipientStatus::not_returnable);
}

// Who sends from here needs no other reverse-path, and a report has none.
std::string Resolver::forwarded_as(const Expansion& expansion, const ipc::ResolveRecipient& question) const {
    if (!forwarding_.rewrite || expansion.verdict.forwards.empty() || expansion.forwarder.empty()) return {};
    const auto sender = mail::parse_mailbox(question.reverse_path.view());
    if (!sender || domains_.contains(sender->domain)) return {};
    const auto ours = srs_->rewrite(*sender, expansion.forwarder, clock_());
    if (ours) {
        rewritten.add();
        log::info("auth.srs.rewrite", {{"session", question.trace.text()}, {"from", printable(question.reverse_path.view())},
                                       {"to", printable(ours->text())}});
        return ours->text();
    }
    not_rewritten.add();
    log::info("auth.srs.too_long", {{"session", question.trace.text()}, {"from", printable(question.reverse_path.view())}});
    return {};
}

ipc::Verdict Resolver::may_post(const Expansion::Gate& gate, std::string_view reverse_path, AccountId sender) {
    switch (gate.posting) {
    case ipc::Posting::anyone: break;
    case ipc::Posting::members: return is_behind(gate.group, sender);
    case ipc::Posting::domain: return has_address_in(gate.domain, sender);
    case ipc::Posting::listed: return is_one_of(gate.posters, reverse_path, sender);
    }
    return ipc::Verdict::allowed;
}

ipc::Verdict Resolver::is_behind(std::string_view address, AccountId sender) {
    const Known known = expand(address);
    if (known->verdict.status == RecipientStatus::unavailable) return ipc::Verdict::unavailable;
    const auto& targets = known->verdict.targets;
    return verdict_of(std::any_of(targets.begin(), targets.end(), [&](const auto& target) { return target.account == sender; }));
}

ipc::Verdict Resolver::is_one_of(const std::vector<std::string>& posters, std::string_view reverse_path, AccountId sender) {
    for (const std::string& poster : posters) {
        const bool foreign = expand(poster)->verdict.status == RecipientStatus::foreign;
        const ipc::Verdict verdict = foreign ? verdict_of(iequals(poster, reverse_path)) : is_behind(poster, sender);
        if (verdict != ipc::Verdict::denied) return verdict;
    }
    return ipc::Verdict::denied;
}

ipc::Verdict Resolver::has_address_in(std::uint64_t domain, AccountId account) {
    Rows rows = db_.query("SELECT 1 FROM addresses WHERE account = ? AND domain = ?", account, domain);
    const bool found = rows.next();
    return rows.failed() ? ipc::Verdict::unavailable : verdict_of(found);
}

ipc::Verdict Resolver::may_send_as(AccountId account, std::string_view reverse_path) {
    if (reverse_path.empty()) return ipc::Verdict::allowed;
    const Known known = expand(reverse_path);
    if (known->verdict.status == RecipientStatus::unavailable) return ipc::Verdict::unavailable;
    if (contains(known->speakers, account)) return ipc::Verdict::allowed;
    return granted(account, reverse_path);
}

ipc::Verdict Resolver::leads_to(const ipc::ForeignRecipient& recipient, std::string_view reverse_path) {
    const Known known = expand(recipient.forward_path);
    if (known->verdict.status == RecipientStatus::unavailable) return ipc::Verdict::unavailable;
    if (known->is_return && !may_return(reverse_path)) return ipc::Verdict::denied;
    return verdict_of(contains(known->verdict.forwards, recipient.address));
}

ipc::Verdict Resolver::granted(AccountId account, std::string_view reverse_path) {
    const auto mailbox = mail::parse_mailbox(reverse_path);
    if (!mailbox) return ipc::Verdict::denied;
    const auto domain = domains_.find(mailbox->domain);
    const auto found = is_granted(db_, account, *mailbox, domain == domains_.end() ? std::string_view() : domain->second.separators);
    if (found) return verdict_of(*found);
    log::error("auth.resolve.failed", {{"error", found.error().message()}});
    return ipc::Verdict::unavailable;
}

} // namespace postern::authd
