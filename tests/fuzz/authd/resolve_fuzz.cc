// Any bytes as a recipient: an answer comes, says the same when it is remembered, and names no account that the
// sender check would not find again.
#include "authd/accounts.h"
#include "authd/aliases.h"
#include "authd/domains.h"
#include "authd/resolve.h"
#include "authd/schema.h"

#include <cstdlib>

using namespace postern;
using namespace postern::authd;

namespace {

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
    for (const auto& target : verdict.targets)
        if (resolver.may_send_as(target.account, address) != ipc::Verdict::allowed) std::abort();
    return 0;
}
