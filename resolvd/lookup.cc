#include "resolvd/lookup.h"

#include "libcommon/counters.h"
#include "libcommon/log.h"

#include <algorithm>
#include <utility>

namespace postern::dns {
namespace {

Counter silences{"dns_server_timeouts_total", "", "Queries that a server did not answer"};
Counter refusals{"dns_server_failures_total", "", "Answers that a server cannot say: SERVFAIL, REFUSED, malformed"};
Counter rejections{"dns_server_bogus_total", "", "Answers that a trusted server says do not validate by DNSSEC"};

} // namespace

Lookup::Lookup(Loop& loop, const Question& question, std::shared_ptr<Servers> servers, const Patience& patience, Done done)
    : loop_(loop), servers_(std::move(servers)), patience_(patience), done_(std::move(done)),
      deadline_(loop, [this] { give_up(ipc::DnsStatus::timed_out); }), chain_(question) {
    deadline_.once(patience_.deadline);
}

void Lookup::start() {
    begun_ = true;
    last_why_ = "no answer in time";
    ask_for_next();
}

void Lookup::ask_for_next() {
    const auto order = servers_->order(std::chrono::steady_clock::now());
    todo_.clear();
    bogus_why_.clear();
    anybody_answered_ = false;
    for (unsigned round = 0; round < patience_.attempts; ++round) todo_.insert(todo_.end(), order.begin(), order.end());
    ask();
}

void Lookup::ask() {
    if (todo_.empty()) return give_up(anybody_answered_ ? ipc::DnsStatus::failed : ipc::DnsStatus::timed_out);
    const std::size_t server = todo_.front();
    todo_.pop_front();
    const Want want = servers_->at(server).trusted ? Want::authentic : Want::anything;
    exchange_ = std::make_unique<Exchange>(loop_, servers_->at(server), chain_.question(), want, patience_.timeout,
                                           [this, server](Exchange::Outcome outcome) { heard(server, std::move(outcome)); });
}

void Lookup::heard(std::size_t server, Exchange::Outcome outcome) {
    if (outcome.silent) return silent(server, outcome.why);
    anybody_answered_ = true;
    if (servers_->answered(server)) log::info("resolvd.server.back", {{"server", servers_->at(server).text()}});
    if (!outcome.reply) return refused(server, outcome.why);
    switch (chain_.take(*outcome.reply, servers_->at(server).trusted)) {
    case Chain::Step::refused: return refused(server, chain_.why());
    case Chain::Step::unclear: return ask_unchecked(server);
    case Chain::Step::bogus: return bogus(server, chain_.why());
    case Chain::Step::go_on: return ask_for_next();
    case Chain::Step::done: break;
    }
    ipc::DnsAnswer answer = chain_.answer();
    answer.source = servers_->at(server).text();
    if (answer.status == ipc::DnsStatus::failed) answer.reason = answer.reason.value + " from " + answer.source.value;
    finish(std::move(answer));
}

void Lookup::ask_unchecked(std::size_t server) {
    exchange_ = std::make_unique<Exchange>(
        loop_, servers_->at(server), chain_.question(), Want::unchecked, patience_.timeout, [this, server](Exchange::Outcome outcome) {
            const bool is_bogus = outcome.reply && chain_.take_unchecked(*outcome.reply) == Chain::Step::bogus;
            is_bogus ? bogus(server, chain_.why()) : refused(server, chain_.why());
        });
}

void Lookup::silent(std::size_t server, const std::string& why) {
    silences.add();
    const std::string name = servers_->at(server).text();
    if (servers_->was_silent(server, std::chrono::steady_clock::now()))
        log::warning("resolvd.server.silent", {{"server", name}, {"why", why}});
    if (!anybody_answered_) last_why_ = why + ": " + name;
    ask();
}

// It has said all it can say about this: it is not asked again.
void Lookup::refused(std::size_t server, const std::string& why) {
    refusals.add();
    last_why_ = why + " from " + servers_->at(server).text();
    std::erase(todo_, server);
    ask();
}

// Another one that validates may know better: its clock may be right, its trust anchor newer. Who does not validate is asked no more,
// for he would pass on what was refused here.
void Lookup::bogus(std::size_t server, const std::string& why) {
    rejections.add();
    bogus_why_ = "DNSSEC validation by " + servers_->at(server).text() + ": " + why;
    std::erase_if(todo_, [&](std::size_t other) { return other == server || !servers_->at(other).trusted; });
    ask();
}

void Lookup::give_up(ipc::DnsStatus status) {
    bogus_why_.empty() ? fail(status, last_why_) : fail(ipc::DnsStatus::bogus, bogus_why_);
}

void Lookup::fail(ipc::DnsStatus status, const std::string& why) {
    ipc::DnsAnswer answer;
    answer.status = status;
    answer.canonical = chain_.question().name;
    answer.reason = std::string_view(why).substr(0, decltype(answer.reason)::limit);
    finish(std::move(answer));
}

void Lookup::finish(ipc::DnsAnswer answer) {
    deadline_.cancel();
    exchange_.reset();
    const Done done = std::exchange(done_, nullptr);
    done(std::move(answer));                     // nothing of this object after it
}

} // namespace postern::dns
