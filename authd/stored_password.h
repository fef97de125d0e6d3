// What is kept of an account's password: one form for each way of asking for it.
#pragma once

#include "authd/password.h"

#include <string>

namespace postern::authd {

struct StoredPassword {
    std::string hash;        // PHC string, for who sends the password; empty: nobody can log in
    std::string scram;       // RFC 5803, for SCRAM-SHA-256; empty when only a hash was given
    std::string cram_md5;    // kept for accounts that opted in, and only there
};

// Every form of a password in clear, prepared by SASLprep. One that SASLprep refuses can come only from a time before it
// was asked: it is hashed as it is and gets no other form. Takes its 30 ms: worker threads only.
Result<StoredPassword> derive(std::string_view password, const HashCost& cost);

} // namespace postern::authd
