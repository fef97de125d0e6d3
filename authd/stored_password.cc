#include "authd/stored_password.h"

#include "authd/cram_md5.h"
#include "authd/saslprep.h"
#include "authd/scram.h"
#include "authd/secret.h"
#include "libcommon/ids.h"

namespace postern::authd {

Result<StoredPassword> derive(std::string_view password, const HashCost& cost) {
    auto form = saslprep(password, PrepFor::stored);
    const Secret prepared(form ? std::move(*form) : std::string());
    auto hash = hash_password(prepared.empty() ? password : prepared.view(), cost);
    if (!hash) return hash.error();
    StoredPassword stored{.hash = std::move(*hash), .scram = {}, .cram_md5 = {}};
    if (prepared.empty()) return stored;
    std::string salt(scram_salt_bytes, '\0');
    random_bytes(salt.data(), salt.size());
    stored.scram = to_text(make_scram(prepared.view(), std::move(salt)));
    stored.cram_md5 = to_text(make_cram(prepared.view()));
    return stored;
}

} // namespace postern::authd
