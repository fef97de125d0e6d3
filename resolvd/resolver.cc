#include "resolvd/resolver.h"

#include "resolvd/name.h"

#include <algorithm>

namespace postern::dns {
namespace {

using Clock = std::chrono::steady_clock;

ipc::DnsAnswer no_answer(ipc::DnsStatus status, std::string_view why) {
    ipc::DnsAnswer answer;
    answer.status = status;
    answer.reason = why;
    return answer;
}

} // namespace

void Resolver::configure(Settings settings, Hosts hosts) {
    if (settings.servers != servers_->all()) {
        servers_ = std::make_shared<Servers>(settings.servers);
        cache_.clear();
    }
    settings_ = std::move(settings);
    hosts_ = std::move(hosts);
    cache_.resize(settings_.cache_entries, settings_.cache_bytes);
}

void Resolver::ask(std::string_view name, ipc::DnsType type, Done done) {
    const auto normal = normal_name(name);
    if (!normal) return done(no_answer(ipc::DnsStatus::bad_name, "not a name of the DNS"));
    const Question question{*normal, type};
    if (const auto listed = hosts_.find(question)) return done(*listed);
    if (auto kept = cache_.find(question, Clock::now())) {
        kept->cached = true;
        return done(*kept);
    }
    if (waiting_ >= settings_.max_waiting) return done(no_answer(ipc::DnsStatus::failed, "too many questions wait for an answer"));
    ++waiting_;
    if (const auto flight = flights_.find(question); flight != flights_.end()) flight->second.waiting.push_back(std::move(done));
    else begin(question, std::move(done));
}

void Resolver::begin(const Question& question, Done done) {
    Flight& flight = flights_[question];
    flight.waiting.push_back(std::move(done));
    flight.asked = servers_;
    flight.lookup = std::make_shared<Lookup>(loop_, question, servers_, settings_.patience,
                                             [this, question](ipc::DnsAnswer answer) { landed(question, std::move(answer)); });
    queue_.push_back(flight.lookup);
    run_next();
}

void Resolver::run_next() {
    while (running_ < settings_.max_lookups && !queue_.empty()) {
        const auto lookup = queue_.front().lock();
        queue_.pop_front();
        if (!lookup || lookup->is_over()) continue;
        ++running_;
        lookup->start();
    }
}

// Its own deadline may end a look-up that never began.
void Resolver::landed(const Question& question, ipc::DnsAnswer answer) {
    const auto at = flights_.find(question);
    const Flight flight = std::move(at->second);
    flights_.erase(at);
    loop_.defer([ended = flight.lookup] {});     // it is in the middle of telling us
    if (flight.lookup->has_begun()) --running_;
    waiting_ -= flight.waiting.size();
    bound(answer);
    if (flight.asked == servers_) cache_.keep(question, answer, Clock::now());      // else it is forgotten already
    for (const Done& done : flight.waiting) done(answer);
    run_next();
}

// RFC 2308 section 5 for denials, RFC 9520 for failures: who asks again at once gets the same, and the servers are spared.
void Resolver::bound(ipc::DnsAnswer& answer) const {
    const auto seconds = [](std::chrono::seconds s) { return static_cast<std::uint32_t>(s.count()); };
    switch (answer.status) {
    case ipc::DnsStatus::found:
        answer.ttl = std::clamp(answer.ttl, seconds(settings_.min_ttl), std::max(seconds(settings_.min_ttl), seconds(settings_.max_ttl)));
        break;
    case ipc::DnsStatus::no_data:
    case ipc::DnsStatus::no_name: answer.ttl = std::min(answer.ttl, seconds(settings_.max_negative_ttl)); break;
    default: answer.ttl = seconds(settings_.failure_ttl);
    }
}

std::size_t Resolver::flush(std::optional<std::string_view> name) {
    if (!name) {
        servers_ = std::make_shared<Servers>(servers_->all());
        return cache_.clear();
    }
    const auto normal = normal_name(*name);
    return normal ? cache_.forget(*normal) : 0;
}

} // namespace postern::dns
