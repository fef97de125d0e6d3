#include "delivery/smtp/host_lookup.h"

#include "delivery/smtp/mx.h"

#include <algorithm>
#include <memory>

namespace postern::smtp_out {
namespace {

using ipc::DnsAnswer;
using ipc::DnsStatus;
using ipc::DnsType;

// Of two answers without an address the one that says more of why: bogus, then temporary, for the address may be there next time.
const DnsAnswer& telling(const DnsAnswer& one, const DnsAnswer& other) {
    if (one.status == DnsStatus::bogus || other.status == DnsStatus::bogus) return one.status == DnsStatus::bogus ? one : other;
    return is_temporary(one.status) ? one : other;
}

std::vector<IpAddress> addresses_in(const std::optional<DnsAnswer>& answer) {
    std::vector<IpAddress> addresses;
    if (!answer || answer->status != DnsStatus::found) return addresses;
    for (const ipc::DnsRecord& record : answer->records)
        if (const auto address = IpAddress::of_bytes(record.data)) addresses.push_back(*address);
    return addresses;
}

// One of each in turns: where one family leads nowhere, the other is not far.
std::vector<IpAddress> in_turns(const std::vector<IpAddress>& first, const std::vector<IpAddress>& second) {
    std::vector<IpAddress> all;
    for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
        if (i < first.size()) all.push_back(first[i]);
        if (i < second.size()) all.push_back(second[i]);
    }
    return all;
}

// Holds itself by the callbacks that wait.
class Lookup : public std::enable_shared_from_this<Lookup> {
  public:
    Lookup(Ask ask, HostQuestion question, std::function<void(HostFound)> done)
        : ask_(std::move(ask)), question_(std::move(question)), done_(std::move(done)) {}

    void start() {
        waiting_ = question_.version == IpVersion::any ? 2 : 1;
        if (question_.version != IpVersion::ipv4) ask_address(DnsType::aaaa, v6_);
        if (question_.version != IpVersion::ipv6) ask_address(DnsType::a, v4_);
    }

  private:
    void ask_address(DnsType type, std::optional<DnsAnswer>& into) {
        ask_(question_.name, type, [self = shared_from_this(), &into](const DnsAnswer& answer) {
            into = answer;
            if (--self->waiting_ == 0) self->on_addresses();
        });
    }

    void on_addresses() {
        found_.addresses = in_turns(addresses_in(v6_), addresses_in(v4_));
        if (found_.addresses.empty()) {
            const DnsAnswer& why = telling(v6_ ? *v6_ : *v4_, v4_ ? *v4_ : *v6_);
            found_.is_bogus = why.status == DnsStatus::bogus;
            found_.problem = no_answer(question_.name, why);
            return finish();
        }
        if (!question_.dane) return finish();
        choose_bases();
    }

    // RFC 7672 section 2.2.2: an insecure address has no TLSA records worth asking for; one found by secure CNAMEs is asked
    // for at their end first, then at the name itself. Section 2.1.3: where only the first CNAME is secure, at the name itself.
    void choose_bases() {
        const DnsAnswer& answer = v6_ && v6_->status == DnsStatus::found ? *v6_ : *v4_;
        const bool secure = is_secure(v6_) && is_secure(v4_);
        const std::string canonical = answer.canonical.value;
        const bool is_alias = !canonical.empty() && canonical != question_.name;
        if (secure) {
            if (is_alias) bases_.push_back(canonical);
            bases_.push_back(question_.name);
            return ask_tlsa();
        }
        if (!is_alias) return finish();
        ask_(question_.name, DnsType::cname, [self = shared_from_this()](const DnsAnswer& alias) {
            if (alias.status != DnsStatus::found || !alias.authentic) return self->finish();
            self->bases_.push_back(self->question_.name);
            self->ask_tlsa();
        });
    }
    static bool is_secure(const std::optional<DnsAnswer>& answer) {
        return !answer || answer->status != DnsStatus::found || answer->authentic;
    }

    void ask_tlsa() {
        if (bases_.empty()) return finish();
        found_.dane.base = bases_.front();
        bases_.erase(bases_.begin());
        ask_("_" + std::to_string(question_.port) + "._tcp." + found_.dane.base, DnsType::tlsa,
             [self = shared_from_this()](const DnsAnswer& answer) { self->on_tlsa(answer); });
    }

    void on_tlsa(const DnsAnswer& answer) {
        // Section 2.1.2: who can suppress the answer must not thereby suppress TLS.
        if (is_temporary(answer.status)) {
            const std::string records = "TLSA records of " + found_.dane.base;
            found_.is_bogus = answer.status == DnsStatus::bogus;
            found_.problem = found_.is_bogus ? bogus_answer(records + " are", answer)
                                             : deferred("4.7.5", records + " cannot be had: " + answer.reason.value);
            return finish();
        }
        if (answer.status != DnsStatus::found || !answer.authentic) return ask_tlsa();
        found_.dane.state = DaneFinding::State::unusable;
        for (const ipc::DnsRecord& record : answer.records) {
            auto tlsa = tls::parse_tlsa(record.data);
            if (!tlsa || !tls::is_usable(*tlsa)) continue;
            found_.dane.records.push_back(std::move(*tlsa));
            found_.dane.state = DaneFinding::State::usable;
        }
        finish();
    }

    void finish() { done_(std::move(found_)); }

    Ask ask_;
    HostQuestion question_;
    std::function<void(HostFound)> done_;
    std::size_t waiting_ = 0;
    std::optional<DnsAnswer> v4_, v6_;
    std::vector<std::string> bases_;
    HostFound found_;
};

} // namespace

void look_up_host(const Ask& ask, const HostQuestion& question, std::function<void(HostFound)> done) {
    std::make_shared<Lookup>(ask, question, std::move(done))->start();
}

} // namespace postern::smtp_out
