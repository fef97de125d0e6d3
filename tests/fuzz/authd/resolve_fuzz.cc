// Any bytes as a recipient: an answer comes, says the same when it is remembered, and names no account that the
// sender check would not find again, but for members of a group. Who has logged in may reach what strangers may, and a
// smaller message goes where a larger one does.
#include "authd/accounts.h"
#include "authd/aliases.h"
#include "authd/domains.h"
#include "authd/groups.h"
#include "authd/resolve.h"
#include "authd/schema.h"

#include <cstdlib>

using namespace postern;
using namespace postern::authd;

namespace {

constexpr AccountId writer = 1, member = 2;

Database populated() {
    auto db = open_accounts(":memory:");
    if (!db) std::abort();
    ipc::CreateDomain domain;
    domain.name = "a.b";
    if (!create_domain(*db, domain, 0)) std::abort();
    ipc::NewAccount account;
    account.address = "x@a.b";
    if (!create_account(*db, account, {}, 0)) std::abort();
    ipc::SaveAlias alias;
    alias.alias.address = "y@a.b";
    alias.alias.targets.push_back("x+z@a.b");
    alias.alias.targets.push_back("q@c.d");
    if (!save_alias(*db, alias)) std::abort();
    account.address = "m@a.b";
    account.settings.max_message_bytes = 5000;
    account.settings.quota_bytes = 9000;
    if (auto made = create_account(*db, account, {}, 0); !made || *made != member) std::abort();
    ipc::SaveGroup group;
    group.address = "g@a.b";
    group.settings.posting = ipc::Posting::listed;
    group.settings.posters = List<ipc::Address, ipc::max_posters>({ipc::Address("x@a.b")});
    group.members.push_back("m@a.b");
    if (!save_group(*db, group)) std::abort();
    return std::move(*db);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static Database db = populated();
    static Uses uses;
    static Resolver resolver(db, uses, {}, [] { return 0; });
    const std::string_view address(reinterpret_cast<const char*>(data), size);
    ipc::ResolveRecipient question;
    question.forward_path = address;
    const auto verdict = resolver.recipient(question);
    if (verdict.status == ipc::RecipientStatus::unavailable) std::abort();
    if (encode(verdict) != encode(resolver.recipient(question))) std::abort();
    const auto delivers = [&](AccountId sender, std::uint64_t bytes) {
        question.size = bytes;
        return resolver.recipient(question, sender).status == ipc::RecipientStatus::deliver;
    };
    if (delivers(0, 0) && !delivers(writer, 0)) std::abort();
    if (delivers(0, 6000) && !delivers(0, 4000)) std::abort();
    for (const auto& target : verdict.targets)
        if (target.account != member && resolver.may_send_as(target.account, address) != ipc::Verdict::allowed) std::abort();
    return 0;
}
