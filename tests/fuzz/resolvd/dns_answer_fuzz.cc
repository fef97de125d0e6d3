// A message of a server, behind one octet that chooses the type asked for. Whatever it says, what comes of it is an answer that
// can be sent, with names that are names.
#include "resolvd/chain.h"
#include "resolvd/name.h"

#include <algorithm>
#include <cstdlib>

using namespace postern;
using namespace postern::dns;

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

bool is_name(std::string_view text) { return normal_name(text) == std::string(text); }

void check(const ipc::DnsAnswer& answer, ipc::DnsType type) {
    const auto sent = decode<ipc::DnsAnswer>(encode(answer));
    require(sent.ok() && encode(*sent) == encode(answer));
    require(is_name(answer.canonical.view()));
    require((answer.status == ipc::DnsStatus::found) == !answer.records.empty());
    for (const ipc::DnsRecord& record : answer.records) {
        const std::string_view data = record.data.view();
        if (type == ipc::DnsType::a) require(data.size() == 4);
        if (type == ipc::DnsType::aaaa) require(data.size() == 16);
        if (type == ipc::DnsType::mx || type == ipc::DnsType::ptr || type == ipc::DnsType::cname) require(is_name(data));
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto type = static_cast<ipc::DnsType>(data[0] % (static_cast<unsigned>(last_enumerator(ipc::DnsType{})) + 1));
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const Question question{"example.org", type};
    (void)match(make_query(question, 0x1234, {}, Want::authentic), bytes);
    const auto reply = read_reply(bytes);
    if (!reply) return 0;
    Chain chain(question);
    // The same message again and again leads on only so often.
    for (unsigned replies = 0;; ++replies) {
        require(replies <= Chain::max_links);
        const Chain::Step step = chain.take(*reply, true);
        require(is_name(chain.question().name));
        if (step == Chain::Step::done) check(chain.answer(), type);
        if (step == Chain::Step::unclear || step == Chain::Step::bogus) {
            const Chain::Step unchecked = chain.take_unchecked(*reply);
            require(unchecked == Chain::Step::refused || unchecked == Chain::Step::bogus);
            require(std::all_of(chain.why().begin(), chain.why().end(), [](unsigned char c) { return c >= 0x20 && c < 0x7f; }));
        }
        if (step != Chain::Step::go_on) return 0;
    }
}
