#include "authd/handles.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::authd;
using namespace std::chrono_literals;
using ipc::Protocol;
using ipc::ServiceId;

namespace {

const ipc::Peer smtpd{ServiceId::smtpd, 0, 1}, other_smtpd{ServiceId::smtpd, 1, 1}, reborn_smtpd{ServiceId::smtpd, 0, 2},
    imap_login{ServiceId::imap_login, 0, 1}, imapd{ServiceId::imapd, 0, 1}, qmgr{ServiceId::qmgr, 0, 1};
const Handles::Time t0{};

} // namespace

TEST_CASE("A fresh handle is redeemed once, in its life, for its protocol") {
    Handles handles(30s, 100);
    const auto a = handles.issue(imap_login, 7, Protocol::imap, t0);
    CHECK(handles.redeem(imapd, *a, Protocol::api, t0) == std::nullopt);
    CHECK(handles.redeem(imapd, *a, Protocol::imap, t0 + 29s) == AccountId{7});
    CHECK(handles.redeem(imapd, *a, Protocol::imap, t0 + 29s) == std::nullopt);
    const auto late = handles.issue(imap_login, 7, Protocol::imap, t0);
    CHECK(handles.redeem(imapd, *late, Protocol::imap, t0 + 30s) == std::nullopt);
    CHECK(handles.redeem(imapd, Handle{}, Protocol::imap, t0) == std::nullopt);
    CHECK(handles.redeem(imapd, Handle::make(), Protocol::imap, t0) == std::nullopt);
}

TEST_CASE("A redeemed handle outlives its front and its short life, until its redeemer goes") {
    Handles handles(30s, 100);
    const auto handle = handles.issue(imap_login, 7, Protocol::imap, t0);
    REQUIRE(handles.redeem(imapd, *handle, Protocol::imap, t0));
    handles.peer_closed(imap_login);
    (void)handles.issue(imap_login, 8, Protocol::imap, t0 + 60s);
    CHECK(handles.size() == 2);
    handles.release(imap_login, *handle);                  // not its holder any more
    CHECK(handles.size() == 2);
    handles.peer_closed(imapd);
    CHECK(handles.size() == 1);
}

TEST_CASE("A fresh handle goes with its front") {
    Handles handles(30s, 100);
    const auto handle = handles.issue(imap_login, 7, Protocol::imap, t0);
    handles.peer_closed(imap_login);
    CHECK(handles.redeem(imapd, *handle, Protocol::imap, t0) == std::nullopt);
}

TEST_CASE("A session is its own front's and qmgr's, nobody else's, and is not redeemed") {
    Handles handles(30s, 100);
    const auto handle = handles.issue(smtpd, 7, Protocol::submission, t0);
    CHECK(handles.session(smtpd, *handle) == AccountId{7});
    CHECK(handles.session(qmgr, *handle) == AccountId{7});
    CHECK(handles.session(other_smtpd, *handle) == std::nullopt);
    CHECK(handles.session(reborn_smtpd, *handle) == std::nullopt);
    CHECK(handles.redeem(imapd, *handle, Protocol::imap, t0) == std::nullopt);
    CHECK(handles.redeem(imapd, *handle, Protocol::submission, t0) == std::nullopt);
    handles.release(other_smtpd, *handle);
    CHECK(handles.session(smtpd, *handle) == AccountId{7});
    handles.release(smtpd, *handle);
    CHECK(handles.session(smtpd, *handle) == std::nullopt);
    CHECK(handles.size() == 0);
}

TEST_CASE("The table is bounded; what expired makes room") {
    Handles handles(30s, 2);
    REQUIRE(handles.issue(imap_login, 1, Protocol::imap, t0));
    REQUIRE(handles.issue(smtpd, 2, Protocol::submission, t0));
    CHECK_FALSE(handles.issue(smtpd, 3, Protocol::submission, t0 + 29s));
    CHECK(handles.issue(smtpd, 3, Protocol::submission, t0 + 30s));
}

TEST_CASE("An account that is forgotten loses every handle") {
    Handles handles(30s, 100);
    const auto a = handles.issue(smtpd, 7, Protocol::submission, t0);
    const auto b = handles.issue(imap_login, 7, Protocol::imap, t0);
    const auto c = handles.issue(smtpd, 8, Protocol::submission, t0);
    handles.forget(7);
    CHECK(handles.session(smtpd, *a) == std::nullopt);
    CHECK(handles.redeem(imapd, *b, Protocol::imap, t0) == std::nullopt);
    CHECK(handles.session(smtpd, *c) == AccountId{8});
}
