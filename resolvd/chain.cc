#include "resolvd/chain.h"

#include <algorithm>

namespace postern::dns {
namespace {

constexpr unsigned no_error = 0, servfail = 2, nxdomain = 3;

bool is_answer(const Reply& reply) { return reply.code == no_error || reply.code == nxdomain; }

} // namespace

Chain::Chain(const Question& question) : question_(question) {
    answer_.authentic = true;                              // until a reply is not
    answer_.ttl = UINT32_MAX;
}

Chain::Step Chain::refuse(std::string why) {
    why_ = std::move(why);
    return Step::refused;
}

Chain::Step Chain::reject(std::string_view why) {
    why_ = why;
    return Step::bogus;
}

Chain::Step Chain::fail(std::string why) {
    answer_.status = ipc::DnsStatus::failed;
    answer_.authentic = false;
    answer_.ttl = 0;
    answer_.reason = std::move(why);
    answer_.canonical = question_.name;
    return Step::done;
}

// To the end of the CNAMEs that this reply has; false: there are too many. Whoever asks for a CNAME wants the first.
bool Chain::follow(const Reply& reply) {
    if (question_.type == ipc::DnsType::cname) return true;
    for (;;) {
        const auto link = std::find_if(reply.answer.begin(), reply.answer.end(), [&](const ResourceRecord& record) {
            return record.type == ipc::DnsType::cname && record.owner == question_.name;
        });
        if (link == reply.answer.end()) return true;
        if (++links_ > max_links) return false;
        question_.name = link->data.data.value;
        answer_.ttl = std::min(answer_.ttl, link->ttl);
    }
}

// The records of the name the CNAMEs led to; more than an answer holds are left out, as their order means nothing.
bool Chain::collect(const Reply& reply) {
    for (const ResourceRecord& record : reply.answer) {
        if (record.type != question_.type || record.owner != question_.name) continue;
        if (answer_.records.size() == decltype(answer_.records)::limit) break;
        answer_.ttl = std::min(answer_.ttl, record.ttl);
        answer_.records.push_back(record.data);
    }
    return !answer_.records.empty();
}

// RFC 2308 section 2: a denial comes with a SOA record. Without one it still is an answer, which nobody may keep, unless it
// looks like a server that is not responsible and does not look further: a referral (section 2.2, "lame").
Chain::Step Chain::deny(const Reply& reply, unsigned links_before) {
    const bool no_name = reply.code == nxdomain;
    if (!no_name && !reply.denial_ttl) {
        if (links_ > links_before) return Step::go_on;     // an alias, and nothing of where it leads
        if (reply.delegates || !reply.recursive) return refuse("no answer, only where to ask");
    }
    answer_.status = no_name ? ipc::DnsStatus::no_name : ipc::DnsStatus::no_data;
    answer_.ttl = std::min(answer_.ttl, reply.denial_ttl.value_or(0));
    return Step::done;
}

Chain::Step Chain::take(const Reply& reply, bool trusted) {
    if (reply.code == servfail && trusted) {
        if (reply.validation_fault) return reject(*reply.validation_fault);
        refuse(code_name(reply.code));
        return Step::unclear;
    }
    if (!is_answer(reply)) return refuse(code_name(reply.code));
    const Step step = read(reply);
    if (step != Step::refused) answer_.authentic = answer_.authentic && reply.authentic && trusted;
    return step;
}

// Who has the data when nobody asks whether it is true did not lack it before. The data itself is looked at no further.
Chain::Step Chain::take_unchecked(const Reply& reply) { return is_answer(reply) ? reject("there is an answer, but only unchecked") : Step::refused; }

Chain::Step Chain::read(const Reply& reply) {
    const unsigned links_before = links_;
    if (!follow(reply)) return fail("more than " + std::to_string(max_links) + " CNAMEs, or a circle of them");
    answer_.canonical = question_.name;
    if (!collect(reply)) {
        if (reply.unusable != 0) return fail("records that cannot be used");
        return deny(reply, links_before);
    }
    answer_.status = ipc::DnsStatus::found;
    return Step::done;
}

} // namespace postern::dns
