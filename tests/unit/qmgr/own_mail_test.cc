#include "ipc/routes.h"
#include "qmgr/journal/record.h"
#include "qmgr/own_mail.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::qmgr;

TEST_CASE("mail goes anywhere without an account for tlspolicyd alone, and from no process that clients reach") {
    for (std::size_t number = 0; number < ipc::service_count; ++number) {
        const auto from = static_cast<ipc::ServiceId>(number);
        INFO(to_string(from));
        CHECK(is_own_mail(from) == (to_string(from) == "tlspolicyd"));
    }
    CHECK(ipc::may_send(ipc::ServiceId::tlspolicyd, ipc::ServiceId::qmgr, ipc::MessageType::submit));
    CHECK_FALSE(ipc::may_send(ipc::ServiceId::tlspolicyd, ipc::ServiceId::qmgr, ipc::MessageType::open_large));
}

TEST_CASE("that a message is such a report is not for who submits it to say, and stays with it in the journal") {
    ipc::Submit submit;
    submit.envelope.tls_report = true;
    CHECK_FALSE(decode<ipc::Submit>(encode(submit))->envelope.tls_report);
    Accepted accepted;
    accepted.envelope.tls_report = true;
    CHECK(decode<Accepted>(encode(accepted))->envelope.tls_report);
    Kept kept;
    kept.message = accepted;
    CHECK(decode<Kept>(encode(kept))->message.envelope.tls_report);
}
