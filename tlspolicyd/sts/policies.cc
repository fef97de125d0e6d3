#include "tlspolicyd/sts/policies.h"

#include "libcommon/log.h"
#include "libcommon/text.h"
#include "tlspolicyd/sts/record.h"

#include <algorithm>

namespace postern::sts {
namespace {

using ipc::DnsStatus;
using ipc::HttpStatus;
using ipc::TlsResultType;

constexpr std::string_view record_prefix = "_mta-sts.", host_prefix = "mta-sts.";
constexpr std::size_t max_domain = 253 - record_prefix.size();
constexpr std::size_t max_running = 2000, max_failed = 20'000, max_waiting = 1000;
constexpr std::size_t refreshed_at_once = 20;
constexpr std::int64_t an_hour = 3'600, a_day = 24 * an_hour, lately = 14 * a_day;
constexpr std::int64_t pause = 300;          // section 3.3: after a failure, at least, for the same id
constexpr std::int64_t shortest_life = 300;  // so that a max_age of 0 has us fetch no more often than a failure does

ipc::TlsPolicy none(std::string_view reason) {
    ipc::TlsPolicy policy;
    policy.known = true;
    policy.reason = printable(reason).substr(0, decltype(policy.reason)::limit);
    return policy;
}

void tell(const Error& error) { log::error("tlspolicyd.database", {{"error", error.message()}}); }

Result<std::string> id_in(const ipc::DnsAnswer& answer) {
    if (answer.status != DnsStatus::found) return Error(Errc::not_found, "no record");
    std::vector<std::string_view> records;
    for (const ipc::DnsRecord& record : answer.records) records.push_back(record.data.view());
    return find_id(records);
}

// Section 3.3: only 200 counts, whatever a redirect promises.
Result<Policy> policy_in(const ipc::HttpReply& reply) {
    if (!is_plain_text(reply.content_type.view())) return Error(Errc::invalid, "not text/plain: " + reply.content_type.value);
    return parse_policy(reply.body.view());
}

// fetch, or the way to it, did not try: that says nothing of the domain.
bool is_ours(const ipc::HttpReply& reply) { return reply.status == HttpStatus::busy; }

Failure failure_of(const std::string& domain, const std::string& id, const ipc::HttpReply& reply) {
    const bool untrusted = reply.status == HttpStatus::not_trusted;
    std::string reason = reply.status == HttpStatus::answered ? "HTTP " + std::to_string(reply.code)
                                                              : std::string(to_string(reply.status)) + ": " + reply.reason.value;
    return {domain, id, untrusted ? TlsResultType::sts_webpki_invalid : TlsResultType::sts_policy_fetch_error, std::move(reason)};
}

} // namespace

struct Policies::Lookup {
    Lookup(Loop& loop, std::string name, std::function<void(Lookup&)> lose_patience)
        : domain(std::move(name)), patience(loop, [this, lose = std::move(lose_patience)] { lose(*this); }) {}

    void answer(const ipc::TlsPolicy& policy) {
        const auto asked = std::exchange(waiting, {});
        for (const Done& done : asked) done(policy);
    }

    std::string domain;
    bool renew = false, background = false, impatient = false;
    bool denied = false;                     // the domain has no policy, says the DNS
    std::optional<Entry> entry;              // known and not expired
    std::vector<Done> waiting;
    Timer patience;
};

Policies::Policies(Loop& loop, Store& store, Outside outside) : loop_(loop), store_(store), outside_(std::move(outside)) {}

void Policies::ask(std::string_view domain, bool renew, Done done) {
    std::string name = ascii_lower(domain);
    if (!is_host_name(name) || name.size() > max_domain) return done(none("not a domain"));
    const auto at = running_.find(name);
    if (at == running_.end()) return begin(name, renew, std::move(done));
    Lookup& lookup = *at->second;
    if (lookup.impatient || lookup.waiting.size() >= max_waiting) return done(known(lookup, "it is being fetched"));
    lookup.waiting.push_back(std::move(done));
    if (!lookup.patience.armed()) lookup.patience.once(settings_.patience);      // it ran for nobody until now
}

void Policies::begin(const std::string& domain, bool renew, Done done) {
    const std::int64_t now = outside_.now();
    auto entry = store_.find(domain);
    if (!entry) {
        tell(entry.error());
        if (done) done(ipc::TlsPolicy{});            // not known: nothing is sent to who might enforce
        return;
    }
    const auto lookup = std::make_shared<Lookup>(loop_, domain, [this](Lookup& self) {
        self.impatient = true;
        self.answer(known(self, "it is being fetched"));
    });
    if (*entry && (*entry)->expires > now) lookup->entry = std::move(**entry);
    if (running_.size() >= max_running) {
        if (done) done(known(*lookup, "too many look-ups run"));
        return;
    }
    lookup->renew = renew;
    lookup->background = !done;
    if (done) {
        lookup->waiting.push_back(std::move(done));
        lookup->patience.once(settings_.patience);
        if (lookup->entry && lookup->entry->used < now - a_day)
            if (auto noted = store_.note_use(domain, now); !noted) tell(noted.error());
    }
    running_[domain] = lookup;
    outside_.txt(std::string(record_prefix) + domain, [this, lookup](const ipc::DnsAnswer& answer) { on_record(lookup, answer); });
}

void Policies::on_record(const std::shared_ptr<Lookup>& lookup, const ipc::DnsAnswer& answer) {
    if (is_temporary(answer.status)) {
        // Who keeps the record from us must not keep the policy from being renewed.
        if (lookup->background && lookup->entry) return fetch(lookup, lookup->entry->id);
        return finish(lookup, "the DNS does not answer: " + answer.reason.value);
    }
    const auto id = id_in(answer);
    lookup->denied = !id;
    if (!id) return finish(lookup, id.error().message());
    if (wants_fetch(*lookup, *id)) return fetch(lookup, *id);
    const auto failed = failed_.find(lookup->domain);
    finish(lookup, failed != failed_.end() && failed->second.id == *id ? failed->second.reason : "");
}

bool Policies::wants_fetch(const Lookup& lookup, const std::string& id) const {
    if (lookup.renew || lookup.background) return true;
    if (lookup.entry && lookup.entry->id == id) return false;
    const auto failed = failed_.find(lookup.domain);
    return failed == failed_.end() || failed->second.id != id || failed->second.until <= outside_.now();
}

void Policies::fetch(const std::shared_ptr<Lookup>& lookup, std::string id) {
    const std::string port = settings_.port == 443 ? "" : ":" + std::to_string(settings_.port);
    outside_.get("https://" + std::string(host_prefix) + lookup->domain + port + "/.well-known/mta-sts.txt",
                 [this, lookup, id = std::move(id)](const ipc::HttpReply& reply) { on_fetched(lookup, id, reply); });
}

void Policies::on_fetched(const std::shared_ptr<Lookup>& lookup, const std::string& id, const ipc::HttpReply& reply) {
    if (is_ours(reply)) return finish(lookup, "not fetched: " + reply.reason.value);
    if (reply.status != HttpStatus::answered || reply.code != 200) {
        note_failure(*lookup, failure_of(lookup->domain, id, reply));
    } else if (auto policy = policy_in(reply); !policy) {
        note_failure(*lookup, {lookup->domain, id, TlsResultType::sts_policy_invalid, policy.error().message()});
    } else {
        keep(*lookup, id, std::move(*policy));
        return finish(lookup, "");
    }
    finish(lookup, failed_[lookup->domain].reason);
}

void Policies::keep(Lookup& lookup, const std::string& id, Policy policy) {
    const std::int64_t now = outside_.now();
    failed_.erase(lookup.domain);
    const bool changed = !lookup.entry || lookup.entry->id != id || lookup.entry->policy != policy;
    const std::int64_t used = lookup.background && lookup.entry ? lookup.entry->used : now;
    const std::int64_t expires = now + std::max(policy.max_age, shortest_life);
    lookup.entry = Entry{std::move(policy), id, now, expires, used, now + a_day};
    if (auto put = store_.put(lookup.domain, *lookup.entry); !put) tell(put.error());
    if (changed)
        log::info("tlspolicyd.sts.policy", {{"domain", lookup.domain}, {"id", id}, {"mode", to_string(lookup.entry->policy.mode)},
                                            {"mx", lookup.entry->policy.mx.size()}, {"expires", expires}});
}

// Section 3.3: administrators are told of refreshes that fail; anybody can announce a policy that was never there.
void Policies::note_failure(const Lookup& lookup, Failure failure) {
    const std::int64_t now = outside_.now();
    if (failed_.size() >= max_failed) std::erase_if(failed_, [now](const auto& row) { return row.second.until <= now; });
    if (failed_.size() >= max_failed) failed_.erase(failed_.begin());
    failed_[lookup.domain] = {failure.id, failure.reason, now + pause};
    const bool matters = lookup.entry && lookup.entry->policy.mode != ipc::StsMode::none;
    log::event(matters ? log::Level::warning : log::Level::info, "tlspolicyd.sts.failed",
               {{"domain", lookup.domain}, {"id", failure.id}, {"result", to_string(failure.type)}, {"reason", printable(failure.reason)},
                {"kept", lookup.entry ? to_string(lookup.entry->policy.mode) : "nothing"}});
    if (outside_.failed) outside_.failed(failure);
}

void Policies::finish(const std::shared_ptr<Lookup>& lookup, std::string_view reason) {
    running_.erase(lookup->domain);
    lookup->patience.cancel();
    lookup->answer(known(*lookup, reason));
}

ipc::TlsPolicy Policies::known(const Lookup& lookup, std::string_view reason) const {
    ipc::TlsPolicy policy = none(reason);
    policy.may_come = !lookup.entry && !lookup.denied;
    if (!lookup.entry) return policy;
    const Entry& entry = *lookup.entry;
    policy.mode = entry.policy.mode;
    policy.id = entry.id;
    for (const std::string& pattern : entry.policy.mx) policy.mx.push_back(pattern);
    policy.fetched = entry.fetched;
    policy.expires = entry.expires;
    return policy;
}

void Policies::refresh() {
    const std::int64_t now = outside_.now();
    const auto due = store_.due(now, now - lately, refreshed_at_once);
    if (!due) return tell(due.error());
    for (const std::string& domain : *due) {
        if (running_.contains(domain)) continue;
        if (auto done = store_.postpone(domain, now + an_hour); !done) return tell(done.error());   // where this one fails
        begin(domain, false, nullptr);
    }
}

Result<std::size_t> Policies::tidy() { return store_.tidy(outside_.now(), settings_.max_domains); }

std::vector<std::string> Policies::lines(const std::string& domain, std::string_view id) {
    const auto entry = store_.find(domain);
    if (!entry || !*entry || (*entry)->id != id) return {};
    return lines_of((*entry)->policy);
}

} // namespace postern::sts
