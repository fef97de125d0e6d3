#include "delivery/smtp/delivery.h"

#include "delivery/smtp/counters.h"
#include "delivery/smtp/sts.h"
#include "libcommon/log.h"
#include "libcommon/text.h"
#include "libmail/address.h"

#include <algorithm>

namespace postern::smtp_out {
namespace {

using ipc::DeliveryStatus;
using ipc::DnsType;
using ipc::Reach;

std::uint16_t default_port(const mail::NextHop& hop, const Settings& settings) {
    switch (hop.protocol) {
    case mail::NextHop::Protocol::smtp: break;
    case mail::NextHop::Protocol::smtps: return 465;
    case mail::NextHop::Protocol::lmtp: return 24;
    }
    return settings.port;
}

} // namespace

Delivery::Delivery(Surroundings& around, Job job, std::function<void()> done)
    : around_(around), job_(std::move(job)), done_(std::move(done)), message_(outgoing_of(job_.message)),
      outcomes_(message_.recipients.size()), deadline_(around.loop, [this] { expire(); }) {}

// ---- where to ------------------------------------------------------------------------------------------------------

void Delivery::start() {
    deadline_.once(around_.settings.delivery_timeout);
    if (!prepare()) return finish();
    ipc::CheckAddresses question;
    for (const Outgoing::Recipient& recipient : message_.recipients) question.addresses.push_back(recipient.address);
    around_.ask_suppressed(question, [self = shared_from_this()](const ipc::AddressVerdicts& verdicts) { self->on_suppressed(verdicts); });
}

void Delivery::on_suppressed(const ipc::AddressVerdicts& verdicts) {
    for (const ipc::SuppressedAddress& found : verdicts.suppressed) {
        if (found.index >= outcomes_.size()) continue;
        outcomes_[found.index] = failed(found.code.view(), found.reason.value);
        counters::suppressed.add();
    }
    if (over_ || undecided().empty()) return finish();
    if (!follows_policy()) return find_way();
    around_.ask_policy(hop_.host, [self = shared_from_this()](std::optional<ipc::TlsPolicy> policy) { self->on_policy(std::move(policy)); });
    ask_mx();
}

// A policy is that of a domain whose hosts are found by MX: whoever names a host has chosen it himself.
bool Delivery::follows_policy() const {
    return around_.settings.mta_sts && level_ == TlsLevel::dane && hop_.by_mx && !hop_.address;
}

// Not known is not none: nothing is sent to who might enforce one. That is no fault of the destination's, so nothing is said of it.
void Delivery::on_policy(std::optional<ipc::TlsPolicy> policy) {
    if (!policy || !policy->known) {
        problem_ = deferred("4.3.2", "the MTA-STS policy of " + hop_.host + " is not known: tlspolicyd does not answer");
        over_ = true;
    }
    if (over_) return finish();
    policy_ = std::move(*policy);
    find_way();
}

void Delivery::find_way() {
    if (auto kept = around_.pool.take(pool_key())) {
        counters::reused.add();
        return transact(std::move(kept), true);
    }
    find_hosts();
}

bool Delivery::prepare() {
    auto content = Content::of(job_.message, std::move(job_.descriptor));
    if (!content) {
        problem_ = deferred("4.3.0", content.error().message());
        return false;
    }
    content_.emplace(std::move(*content));
    message_.size = content_->size();
    message_.survey = [this] { return content_->survey(); };
    message_.seven_bit_size = [this] { return content_->seven_bit_size(); };
    auto hop = mail::parse_next_hop(job_.message.next_hop);
    if (!hop) {
        problem_ = failed("5.1.2", hop.error().message());
        return false;
    }
    hop_ = std::move(*hop);
    port_ = hop_.port != 0 ? hop_.port : default_port(hop_, around_.settings);
    if (const Credentials* found = credentials_for(around_.settings, hop_)) credentials_ = *found;
    level_ = around_.settings.tls_policy.level_for(hop_, credentials_.has_value(), message_.require_tls);
    // RFC 8460 section 3: what is wrong there may be what the report is about.
    if (message_.tls_report && level_ == TlsLevel::dane) level_ = TlsLevel::may;
    return true;
}

std::string Delivery::pool_key() const {
    const auto domain = mail::split_address(message_.reverse_path).second;
    const bool own_source = around_.settings.bind_senders.contains(ascii_lower(domain));
    return hop_.text() + " " + std::string(to_string(level_)) + (message_.require_tls ? " required " : " ") +
           (own_source ? ascii_lower(domain) : "") +
           (policy_.mode == ipc::StsMode::none ? "" : " " + std::string(to_string(policy_.mode)) + " " + policy_.id.value);
}

void Delivery::find_hosts() {
    if (hop_.address) {
        hosts_ = {{hop_.host, 0, hop_.address}};
        return next_host();
    }
    if (!hop_.by_mx) {
        hosts_ = {{hop_.host, 0}};
        authentic_ = true;                           // it was named by the operator, not by the DNS
        return next_host();
    }
    mx_wanted_ = true;
    if (mx_) return on_mx();
    if (!mx_asked_) ask_mx();
}

void Delivery::ask_mx() {
    mx_asked_ = true;
    around_.ask(hop_.host, DnsType::mx, [self = shared_from_this()](const ipc::DnsAnswer& answer) {
        self->mx_ = answer;
        if (self->mx_wanted_) self->on_mx();
    });
}

void Delivery::on_mx() {
    const ipc::DnsAnswer answer = *std::exchange(mx_, std::nullopt);
    mx_asked_ = mx_wanted_ = false;
    const auto is_us = [this](std::string_view name) { return around_.ourselves.is_named(name, port_); };
    MxHosts chosen = choose_hosts(hop_.host, answer, is_us, around_.chance);
    if (chosen.problem) {
        if (chosen.problem->status == DeliveryStatus::deferred) result_.reach = Reach::unreachable;
        problem_ = std::move(chosen.problem);
        return finish();
    }
    authentic_ = chosen.authentic;
    chosen.hosts.resize(std::min(chosen.hosts.size(), around_.settings.max_hosts));
    for (MxHost& host : chosen.hosts) hosts_.push_back({std::move(host.name), host.preference});
    next_host();
}

// ---- one host after the other --------------------------------------------------------------------------------------

void Delivery::next_host() {
    if (over_ || hosts_.empty() || attempts_ >= around_.settings.max_attempts) return finish();
    host_ = std::move(hosts_.front());
    hosts_.erase(hosts_.begin());
    if (host_.address) {
        HostFound found;
        found.addresses = {*host_.address};
        return on_host(std::move(found));
    }
    const bool dane = level_ == TlsLevel::dane && authentic_;
    look_up_host(around_.ask, {host_.name, port_, around_.settings.ip_version, dane},
                 [self = shared_from_this()](HostFound found) { self->on_host(std::move(found)); });
}

void Delivery::on_host(HostFound found) {
    if (found.problem) {
        if (found.is_bogus) count_tls(bogus_tlsa(host_.name, found.problem->text));
        if (found.problem->status == DeliveryStatus::deferred) result_.reach = Reach::unreachable;
        remember(*found.problem);
        return next_host();
    }
    const auto is_us = [this](const IpAddress& address) { return around_.ourselves.is_at(address, port_); };
    if (hop_.by_mx && std::any_of(found.addresses.begin(), found.addresses.end(), is_us)) {
        std::erase_if(hosts_, [this](const Host& host) { return host.preference >= host_.preference; });
        remember(loops_back(hop_.host));
        return next_host();
    }
    if (level_ == TlsLevel::dane && found.dane.state != DaneFinding::State::none)
        counters::dane(found.dane.state == DaneFinding::State::usable ? "usable" : "unusable");
    const StsFinding sts = sts_finding(policy_, host_.name);
    if (is_refused(found.dane, sts)) {
        counters::sts_refused();
        count_tls(unlisted_host(host_.name, sts.id));
        result_.reach = Reach::unreachable;
        remember(deferred("4.7.5", host_.name + " is not in the MTA-STS policy of " + hop_.host + ", id " + sts.id));
        return next_host();
    }
    plan_ = plan_tls({level_, message_.require_tls, around_.settings.tls_fallback}, hop_, host_.name, found.dane, sts);
    counters::sts(plan_);
    if (plan_.basis == TlsBasis::sts_testing && !plan_.sts_listed) tell_testing(plan_, "", "the host is not in the policy");
    addresses_ = std::move(found.addresses);
    problem_before_ = problem_;
    next_address();
}

// RFC 8461 section 4.1: a host that is not in a policy enforced is no host of the domain, unless DNSSEC says more (section 2).
bool Delivery::is_refused(const DaneFinding& dane, const StsFinding& sts) const {
    return sts.mode == ipc::StsMode::enforce && !sts.listed && dane.state != DaneFinding::State::usable;
}

void Delivery::next_address() {
    if (over_ || addresses_.empty() || attempts_ >= around_.settings.max_attempts) return next_host();
    const IpAddress address = addresses_.front();
    addresses_.erase(addresses_.begin());
    connect(address, plan_);
}

void Delivery::connect(const IpAddress& address, const TlsPlan& plan) {
    ++attempts_;
    Peer peer{host_.name, address, port_, source_for(around_.settings, message_.reverse_path, address)};
    peer.lmtp = hop_.protocol == mail::NextHop::Protocol::lmtp;
    peer.implicit_tls = hop_.protocol == mail::NextHop::Protocol::smtps;
    peer.tls = plan;
    peer.credentials = credentials_;
    conversation_ = std::make_shared<Conversation>(around_.loop, around_.settings, around_.tls, std::move(peer));
    conversation_->open([self = shared_from_this(), conversation = conversation_] { self->opened(conversation); });
}

void Delivery::opened(const std::shared_ptr<Conversation>& conversation) {
    const Opening& opening = conversation->opening();
    counters::connected(opening.is_ready(), conversation->authentication());
    tell_testing(*conversation);
    count_tls(tls_result(*conversation));
    if (opening.is_ready() && conversation->is_usable()) return transact(conversation, false);
    fail_host(*conversation, opening.is_ready() ? deferred("4.5.0", "the host said more than it was asked")
                                                : with_rule(opening.problem(), conversation->peer().tls));
    if (opening.tls_failed() && conversation->peer().tls.fallback && !conversation->peer().implicit_tls && !over_) {
        TlsPlan clear = conversation->peer().tls;
        clear.use = TlsUse::never;
        clear.fallback = false;
        return connect(conversation->peer().address, clear);
    }
    next_address();
}

void Delivery::fail_host(const Conversation& conversation, const Outcome& problem) {
    const Opening& opening = conversation.opening();
    result_.reach = opening.is_busy() ? Reach::busy : Reach::unreachable;
    result_.remote_mta = conversation.peer().host;
    result_.remote_address = conversation.peer().address_text();
    result_.tls = conversation.tls();
    remember(problem);
    log::info("outbound.host.failed", {{"session", job_.message.trace.text()}, {"queue", job_.message.id.text()},
                                       {"host", conversation.peer().host}, {"remote", conversation.peer().address_text()},
                                       {"code", problem.code}, {"reply", problem.text}});
}

// Whoever reads that TLS failed shall see who demanded it.
Outcome Delivery::with_rule(Outcome problem, const TlsPlan& plan) const {
    if (problem.code != "4.7.4" && problem.code != "4.7.5") return problem;
    if (plan.basis == TlsBasis::sts) problem.text += " (demanded by the MTA-STS policy of " + hop_.host + ", id " + plan.sts_id + ")";
    if (plan.basis == TlsBasis::dane) problem.text += " (demanded by TLSA records)";
    return problem;
}

// In testing nothing is stopped; what enforcing the policy would have stopped is to be seen (RFC 8461 section 5).
void Delivery::tell_testing(const Conversation& conversation) const {
    const TlsPlan& plan = conversation.peer().tls;
    const Opening& opening = conversation.opening();
    if (plan.basis != TlsBasis::sts_testing || plan.use == TlsUse::never) return;     // never: told when TLS failed before
    const std::string remote = conversation.peer().address_text();
    if (opening.tls_failed()) return tell_testing(plan, remote, opening.problem().text);
    if (!opening.is_ready()) return;
    if (conversation.authentication() == tls::Authentication::none) return tell_testing(plan, remote, "no STARTTLS");
    if (conversation.authentication() == tls::Authentication::unverified)
        tell_testing(plan, remote, "the certificate is not one of the host's name by an authority that is trusted");
}

void Delivery::tell_testing(const TlsPlan& plan, std::string_view remote, std::string_view reason) const {
    log::info("outbound.sts.testing", {{"session", job_.message.trace.text()}, {"queue", job_.message.id.text()}, {"domain", hop_.host},
                                       {"id", plan.sts_id}, {"host", host_.name}, {"remote", remote}, {"reason", reason}});
}

// Domains are told of sessions with the hosts their MX names. That of a report of ours counts for nothing, or two servers would tell each
// other every day that they told each other.
void Delivery::count_tls(std::optional<ipc::TlsResult> result) {
    const bool by_domain = hop_.by_mx && !hop_.address && hop_.protocol == mail::NextHop::Protocol::smtp && !credentials_;
    if (!result || !by_domain || message_.tls_report || !around_.settings.tls_reports) return;
    result->domain = hop_.host;
    around_.tally.add(std::move(*result));
}

// A problem that may pass outweighs one that will not: the next attempt may find the better host.
void Delivery::remember(const Outcome& problem) {
    const bool weaker = problem_ && problem_->status == DeliveryStatus::deferred && problem.status == DeliveryStatus::failed;
    if (!weaker) problem_ = problem;
}

// ---- the message ---------------------------------------------------------------------------------------------------

std::vector<std::size_t> Delivery::undecided() const {
    std::vector<std::size_t> places;
    for (std::size_t place = 0; place < outcomes_.size(); ++place)
        if (!outcomes_[place]) places.push_back(place);
    return places;
}

void Delivery::transact(std::shared_ptr<Conversation> conversation, bool reused) {
    conversation_ = std::move(conversation);
    transaction_.emplace(message_, conversation_->wire(), undecided());
    conversation_->run({*transaction_, *content_, [this] { return job_.channel->is_open(); }},
                       [self = shared_from_this(), c = conversation_, reused] { self->transacted(c, reused); });
}

void Delivery::transacted(const std::shared_ptr<Conversation>& conversation, bool reused) {
    const Transaction& transaction = *transaction_;
    // It had ended while nobody looked: that is no failure of the host's.
    if (reused && !transaction.was_answered() && !transaction.is_reusable() && !over_) return find_hosts();
    take_outcomes(*conversation);
    const bool reusable = transaction.is_reusable() && conversation->is_usable();
    if (transaction.wants_more() && reusable && !over_) return transact(conversation, false);
    const bool host_answered = transaction.was_answered() || reusable;
    if (reusable) around_.pool.put(pool_key(), conversation);
    if (undecided().empty()) return finish();
    // That another address of this host, or TLS with it, did not work is no reason to ask it the same again.
    if (host_answered && !over_) problem_ = problem_before_;
    remember(transaction.problem());
    if (over_) return finish();
    if (reused) return find_hosts();
    if (host_answered) addresses_.clear();           // its other addresses are the same host
    next_address();
}

void Delivery::take_outcomes(const Conversation& conversation) {
    const Transaction& transaction = *transaction_;
    for (std::size_t place = 0; place < outcomes_.size(); ++place)
        if (!outcomes_[place] && transaction.outcomes()[place]) decide(place, *transaction.outcomes()[place], conversation.peer().host);
    result_.reach = transaction.is_busy() ? Reach::busy : transaction.was_answered() ? Reach::answered : Reach::unreachable;
    result_.remote_mta = conversation.peer().host;
    result_.remote_address = conversation.peer().address_text();
    result_.tls = conversation.tls();
    result_.dsn_passed = transaction.dsn_passed();
    if (transaction.is_uncertain()) counters::uncertain.add();
    const auto is_delivered = [](const std::optional<Outcome>& o) { return o && o->status == DeliveryStatus::delivered; };
    if (!job_.channel->is_open() && std::any_of(transaction.outcomes().begin(), transaction.outcomes().end(), is_delivered))
        counters::unrecorded.add();
}

void Delivery::decide(std::size_t place, const Outcome& outcome, const std::string& host) {
    outcomes_[place] = outcome;
    if (auto note = note_of(job_.message.id, message_.recipients[place], outcome, host)) around_.notes.add(std::move(*note));
}

// ---- the end -------------------------------------------------------------------------------------------------------

void Delivery::expire() { stop(deferred("4.4.7", "the delivery took too long")); }

void Delivery::check_queue() {
    if (!job_.channel->is_open()) stop(deferred("4.3.2", "the queue manager is gone"));
}

void Delivery::stop(const Outcome& why) {
    over_ = true;
    problem_ = why;
    if (conversation_) conversation_->cut(why.text);
}

void Delivery::finish() {
    deadline_.cancel();
    for (std::size_t place = 0; place < outcomes_.size(); ++place) {
        const Outcome outcome = outcomes_[place].value_or(problem_.value_or(deferred("4.4.1", "no host could be reached")));
        tell(message_.recipients[place], outcome);
        result_.outcomes.push_back(to_ipc(message_.recipients[place].index, outcome));
    }
    job_.reply(result_);
    conversation_.reset();
    around_.loop.defer([self = shared_from_this()] { self->done_(); });
}

void Delivery::tell(const Outgoing::Recipient& recipient, const Outcome& outcome) const {
    constexpr std::string_view names[] = {"outbound.delivered", "outbound.deferred", "outbound.failed"};
    const auto status = static_cast<std::size_t>(outcome.status);
    counters::delivered(outcome.status);
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began_).count();
    std::string seconds = std::to_string(took / 1000) + "." + std::to_string(took % 1000 / 100);
    log::info(names[status], {{"session", job_.message.trace.text()}, {"queue", job_.message.id.text()},
                              {"rcpt", recipient.address}, {"hop", job_.message.next_hop.view()}, {"host", result_.remote_mta.view()},
                              {"remote", result_.remote_address.view()}, {"tls", result_.tls.empty() ? "none" : result_.tls.view()},
                              {"code", outcome.code}, {"reply", outcome.text}, {"seconds", std::move(seconds)}});
}

} // namespace postern::smtp_out
