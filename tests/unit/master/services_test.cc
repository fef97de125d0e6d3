// The table of services says what it should: nobody shares a user, nobody who reads strangers' bytes has files.
#include "config/schema.h"
#include "ipc/routes.h"
#include "libcommon/sandbox.h"
#include "libcommon/text.h"
#include "master/child.h"
#include "master/services.h"

#include <catch2/catch.hpp>
#include <set>

using namespace postern;
using namespace postern::master;

TEST_CASE("every service has one row and a user of its own") {
    std::set<std::string_view> users;
    for (const Service& row : services()) {
        CHECK(users.insert(row.user).second);
        CHECK(&service(row.id) == &row);
    }
    CHECK(services().size() + 1 == ipc::service_count);
}

TEST_CASE("who listens has an empty root and no files") {
    for (const Service& row : services()) {
        if (row.listeners.empty()) continue;
        INFO(row.user);
        CHECK(row.root == Root::empty);
        CHECK((row.abilities & (sandbox::files_read | sandbox::files_write | sandbox::database)) == 0);
        CHECK_FALSE(row.keys);
    }
}

TEST_CASE("only keyd gets keys, only logd the logs, only api-local asks master") {
    for (const Service& row : services()) {
        CHECK(row.keys == (row.id == ipc::ServiceId::keyd));
        CHECK(row.logs == (row.id == ipc::ServiceId::logd));
        CHECK(row.secret_files.empty() == (row.id != ipc::ServiceId::smtp_out));
        CHECK(row.control == (row.id == ipc::ServiceId::api_local));
    }
}

TEST_CASE("the options a row names exist and are of the right kind") {
    for (const Service& row : services()) {
        for (std::string_view name : split(row.listeners, ' ')) {
            if (name.empty() || name.starts_with("unix:")) continue;
            INFO(name);
            REQUIRE(config::find_option(name));
            const config::Kind kind = config::find_option(name)->kind;
            CHECK((kind == config::Kind::addresses || kind == config::Kind::loopback || kind == config::Kind::path));
            if (kind == config::Kind::path) CHECK(config::find_option(std::string(name) + "_group"));
        }
        if (!row.processes.empty()) CHECK(config::find_option(row.processes)->kind == config::Kind::number);
        if (!row.certificates.empty()) CHECK(config::find_option(std::string(row.certificates) + ".tls_cert"));
    }
}

TEST_CASE("fronts stop before what they depend on") {
    for (const Service& from : services())
        for (const Service& to : services()) {
            const bool asks = ipc::may_send(from.id, to.id, ipc::MessageType::resolve_recipient) ||
                              ipc::may_send(from.id, to.id, ipc::MessageType::submit) ||
                              ipc::may_send(from.id, to.id, ipc::MessageType::store_message) ||
                              ipc::may_send(from.id, to.id, ipc::MessageType::open_session) ||
                              ipc::may_send(from.id, to.id, ipc::MessageType::sign);
            if (asks) CHECK(from.stop_order < to.stop_order);
        }
}

TEST_CASE("a child gone wild runs out of requests and gets new ones") {
    Child child(service(ipc::ServiceId::smtpd), 0);
    int granted = 0;
    while (child.take_token() && granted < 100'000) ++granted;
    CHECK(granted >= 400);
    CHECK(granted < 1000);
    child.refilled -= std::chrono::seconds(1);
    CHECK(child.take_token());
}

TEST_CASE("restarts come at once, then ever later, never more than half a minute apart") {
    CHECK(restart_delay(0).count() == 0);
    for (unsigned n = 1; n < 40; ++n) CHECK(restart_delay(n) >= restart_delay(n - 1));
    CHECK(restart_delay(1).count() <= 200);
    CHECK(restart_delay(40) == std::chrono::seconds(30));
}
