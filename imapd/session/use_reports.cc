#include "imapd/session/use_reports.h"

#include "libcommon/log.h"

#include <algorithm>

namespace postern::imapd {
namespace {

constexpr std::chrono::milliseconds moment{100};

} // namespace

ipc::UseWatched UseReports::watch(const ipc::WatchUse& question) {
    const std::size_t limited = std::min(question.accounts.size(), question.limits.size());
    for (std::size_t i = 0; i < limited; ++i) limit(question.accounts.items[i], question.limits.items[i]);
    const std::set<AccountId> asked(question.accounts.begin(), question.accounts.end());
    ipc::UseWatched answer;
    answer.uses = uses_of(asked);
    for (const ipc::MailboxUse& use : answer.uses) watched_.insert(use.account);
    return answer;
}

void UseReports::limit(AccountId id, const ipc::MailboxLimits& limits) {
    const auto account = store_->account(id);
    if (!account) return;                                  // the answer will be without it, and it is asked about again
    if (const auto set = (*account)->set_limits(limits.bytes, limits.messages); !set)
        log::warning("imapd.quota.unset", {{"account", id}, {"reason", set.error().message()}});
}

void UseReports::watch_nobody() {
    watched_.clear();
    changed_.clear();
}

void UseReports::changed(AccountId account) {
    if (watched_.count(account) == 0) return;
    if (changed_.empty()) due_.once(moment);
    changed_.insert(account);
}

void UseReports::report() {
    std::set<AccountId> accounts;
    while (!changed_.empty() && accounts.size() < ipc::max_uses) accounts.insert(changed_.extract(changed_.begin()));
    if (!changed_.empty()) due_.once(moment);
    ipc::ReportUse news;
    news.uses = uses_of(accounts);
    authd_.send(news);
}

List<ipc::MailboxUse, ipc::max_uses> UseReports::uses_of(const std::set<AccountId>& accounts) const {
    List<ipc::MailboxUse, ipc::max_uses> uses;
    for (const AccountId id : accounts) {
        const auto account = store_->account(id);
        if (!account) continue;
        const store::Usage usage = (*account)->usage();
        uses.push_back({.account = id, .bytes = usage.bytes, .messages = usage.messages});
    }
    return uses;
}

} // namespace postern::imapd
