#include "fetch/request.h"

#include "fetch/address_rules.h"
#include "libcommon/text.h"

#include <algorithm>

namespace postern::fetch {
namespace {

using ipc::DnsStatus;
using ipc::HttpStatus;

constexpr std::size_t max_addresses = 8;

void append(std::vector<IpAddress>& addresses, const ipc::DnsAnswer& answer) {
    if (answer.status != DnsStatus::found) return;
    for (const ipc::DnsRecord& record : answer.records)
        if (const auto address = IpAddress::of_bytes(record.data); address && addresses.size() < max_addresses) addresses.push_back(*address);
}

} // namespace

Request::Request(Loop& loop, Web& web, const Rules& rules, Ask ask, ipc::HttpRequest request, Done done)
    : loop_(loop), web_(web), rules_(rules), ask_(std::move(ask)), request_(std::move(request)), done_(std::move(done)),
      deadline_(std::chrono::steady_clock::now() + std::min(request_.timeout, ipc::max_http_timeout)),
      timer_(loop, [this] { finish(HttpStatus::timed_out, "the DNS did not answer in time"); }) {}

void Request::start() {
    self_ = shared_from_this();
    auto url = parse_url(request_.url.value);
    if (!url) {
        loop_.defer([self = self_, why = url.error().message()] { self->finish(HttpStatus::bad_url, why); });
        return;
    }
    url_ = std::move(*url);
    timer_.once(std::min(request_.timeout, ipc::max_http_timeout));
    ask_address(ipc::DnsType::aaaa, v6_);
    ask_address(ipc::DnsType::a, v4_);
}

void Request::ask_address(ipc::DnsType type, std::optional<ipc::DnsAnswer>& into) {
    ask_(url_.host, type, [self = self_, &into](const ipc::DnsAnswer& answer) {
        into = answer;
        if (self->v4_ && self->v6_ && self->done_) self->on_addresses();
    });
}

// Those that are forbidden are left out; a name that has no other is one of ours, or wants to be taken for one.
void Request::on_addresses() {
    std::vector<IpAddress> addresses;
    append(addresses, *v6_);
    append(addresses, *v4_);
    if (addresses.empty()) {
        const ipc::DnsAnswer& telling = v4_->reason.empty() ? *v6_ : *v4_;
        return finish(HttpStatus::no_address, std::string(to_string(v4_->status)) + " " + telling.reason.value);
    }
    const IpAddress first = addresses.front();
    std::erase_if(addresses, [this](const IpAddress& address) { return is_forbidden(address, rules_.private_networks); });
    if (addresses.empty()) return finish(HttpStatus::forbidden, first.text() + " is not of the public Internet");
    timer_.cancel();
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - std::chrono::steady_clock::now());
    transfer_ = std::make_unique<Transfer>(web_, rules_, request_, url_, addresses, left,
                                           [this](const ipc::HttpReply& reply) { finish(reply); });
}

void Request::finish(HttpStatus status, std::string_view reason) {
    ipc::HttpReply reply;
    reply.status = status;
    reply.reason = printable(reason).substr(0, decltype(reply.reason)::limit);
    finish(reply);
}

void Request::finish(const ipc::HttpReply& reply) {
    timer_.cancel();
    const auto self = std::move(self_);
    const auto done = std::exchange(done_, nullptr);
    if (done) done(reply);
    loop_.defer([self] {});                              // its transfer, or its timer, may be what runs
}

} // namespace postern::fetch
