// Who is let in, when, and what the others are told: with real sockets and a policyd that answers when the test says so.
#include "smtpd/door.h"

#include "libcommon/log.h"

#include <catch2/catch.hpp>

#include <sys/socket.h>
#include <unistd.h>

using namespace postern;
using namespace postern::smtpd;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;

struct Policyd : ClientPolicy {
    std::chrono::milliseconds delay{30};
    std::vector<ipc::CheckClient> questions;
    std::vector<std::function<void(const ipc::ClientVerdict&)>> open;
    std::vector<ipc::ReportClient> reports;

    std::chrono::milliseconds greet_delay() const override { return delay; }
    void judge(const ipc::CheckClient& question, std::function<void(const ipc::ClientVerdict&)> done) override {
        questions.push_back(question);
        open.push_back(std::move(done));
    }
    void tell(const ipc::ReportClient& report) override { reports.push_back(report); }
};

struct Entrance {
    struct Client {
        Fd socket;
        std::string heard() const {                      // all until the end
            char bytes[1000];
            const ssize_t size = ::recv(socket.get(), bytes, sizeof bytes, MSG_DONTWAIT);
            return size > 0 ? std::string(bytes, static_cast<std::size_t>(size)) : "";
        }
    };

    Loop loop;
    Policyd policyd;
    std::vector<Visitor> admitted;
    Door door{loop, policyd, [this](Visitor visitor) { admitted.push_back(std::move(visitor)); }};

    Entrance() { log::set_level(log::Level::error); }

    Client knock(const Role& role = roles[0], std::string text = "192.0.2.1") {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
        Visitor visitor;
        visitor.socket = Fd(ends[0]);
        visitor.role = &role;
        visitor.text = std::move(text);
        door.knock(std::move(visitor));
        return {Fd(ends[1])};
    }
    void answer(std::size_t which, ipc::Standing standing, ipc::PolicyAction action = ipc::PolicyAction::go_on) {
        ipc::ClientVerdict verdict;
        verdict.standing = standing;
        verdict.action = action;
        verdict.retry_after = 90s;
        policyd.open.at(which)(verdict);
    }
    void run_until_empty() {
        Timer look(loop, [this] { if (door.empty()) loop.stop(); });
        look.every(1ms);
        loop.run();
    }
};

void say(const Entrance::Client& client, std::string_view text) {
    REQUIRE(::write(client.socket.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

} // namespace

TEST_CASE("policyd is asked about who knocks, and nobody is let in before it answered") {
    Entrance entrance;
    const auto server = entrance.knock(roles[0], "192.0.2.1"), user = entrance.knock(roles[1], "192.0.2.2");
    REQUIRE(entrance.policyd.questions.size() == 2);
    CHECK(entrance.policyd.questions[0].client.view() == "192.0.2.1");
    CHECK(entrance.policyd.questions[0].protocol == ipc::Protocol::smtp);
    CHECK(entrance.policyd.questions[1].protocol == ipc::Protocol::submission);
    CHECK(entrance.admitted.empty());
    CHECK_FALSE(entrance.door.empty());
}

TEST_CASE("who has a history or submits is let in at once, with its rank") {
    struct Case { const Role& role; ipc::Standing standing; Seats::Rank rank; };
    const Case cases[] = {
        {roles[0], ipc::Standing::proven, Seats::Rank::known},
        {roles[0], ipc::Standing::patient, Seats::Rank::stranger},     // waited before
        {roles[1], ipc::Standing::proven, Seats::Rank::submission},
        {roles[1], ipc::Standing::stranger, Seats::Rank::submission},
        {roles[2], ipc::Standing::stranger, Seats::Rank::submission},
    };
    for (const Case& c : cases) {
        Entrance entrance;
        const auto client = entrance.knock(c.role);
        say(client, "talks early");                      // which is its business then
        entrance.answer(0, c.standing);
        REQUIRE(entrance.admitted.size() == 1);
        CHECK(entrance.admitted[0].rank == c.rank);
        CHECK(entrance.policyd.reports.empty());
        CHECK(entrance.door.empty());
    }
}

TEST_CASE("a stranger on port 25 waits, and then has a history") {
    Entrance entrance;
    const auto begin = Clock::now();
    const auto client = entrance.knock();
    entrance.answer(0, ipc::Standing::stranger);
    CHECK(entrance.admitted.empty());
    entrance.run_until_empty();
    CHECK(Clock::now() - begin >= entrance.policyd.delay);
    REQUIRE(entrance.admitted.size() == 1);
    CHECK(entrance.admitted[0].rank == Seats::Rank::stranger);
    REQUIRE(entrance.policyd.reports.size() == 1);
    CHECK(entrance.policyd.reports[0].waited);
    CHECK(entrance.policyd.reports[0].client.view() == "192.0.2.1");
    CHECK(client.heard().empty());
}

TEST_CASE("strangers are let in one by one as their time is up, in the order they came") {
    Entrance entrance;
    std::vector<Entrance::Client> clients;
    for (int i = 0; i < 3; ++i) clients.push_back(entrance.knock(roles[0], std::to_string(i)));
    for (std::size_t i = 0; i < 3; ++i) entrance.answer(i, ipc::Standing::stranger);
    entrance.run_until_empty();
    REQUIRE(entrance.admitted.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) CHECK(entrance.admitted[i].text == std::to_string(i));
}

TEST_CASE("a stranger that talks before the greeting is told so, one that leaves is forgotten") {
    Entrance entrance;
    const auto talker = entrance.knock();
    auto leaver = entrance.knock();
    const auto patient = entrance.knock();
    for (std::size_t i = 0; i < 3; ++i) entrance.answer(i, ipc::Standing::stranger);
    say(talker, "EHLO early.example\r\n");
    leaver.socket.reset();
    entrance.run_until_empty();
    CHECK(talker.heard().starts_with("554 5.5.1 "));
    CHECK(entrance.admitted.size() == 1);
    CHECK(entrance.policyd.reports.size() == 1);         // neither of the others has proven anything
}

TEST_CASE("without a delay strangers are let in at once") {
    Entrance entrance;
    entrance.policyd.delay = 0ms;
    const auto client = entrance.knock();
    entrance.answer(0, ipc::Standing::stranger);
    REQUIRE(entrance.admitted.size() == 1);
    CHECK(entrance.policyd.reports.empty());
}

TEST_CASE("who is banned or comes too often is told until when; behind TLS without a word") {
    struct Case { const Role& role; ipc::PolicyAction action; std::string_view heard; };
    const Case cases[] = {
        {roles[0], ipc::PolicyAction::banned, "554 5.7.1 "},
        {roles[0], ipc::PolicyAction::limited, "421 4.7.0 "},
        {roles[1], ipc::PolicyAction::banned, "554 5.7.1 "},
        {roles[2], ipc::PolicyAction::banned, ""},
    };
    for (const Case& c : cases) {
        Entrance entrance;
        const auto client = entrance.knock(c.role);
        entrance.answer(0, ipc::Standing::proven, c.action);
        const std::string heard = client.heard();
        CHECK(heard.starts_with(c.heard));
        CHECK(heard.ends_with(c.heard.empty() ? "" : "try again in 90 seconds\r\n"));
        CHECK(heard.empty() == c.heard.empty());
        CHECK(entrance.admitted.empty());
        CHECK(entrance.door.empty());
    }
}

TEST_CASE("when we stop everybody at the door hears it, and answers that come then are for nobody") {
    Entrance entrance;
    const auto asked_about = entrance.knock(), waiting = entrance.knock();
    entrance.answer(1, ipc::Standing::stranger);
    entrance.door.dismiss();
    CHECK(entrance.door.empty());
    CHECK(asked_about.heard().starts_with("421 4.3.2 "));
    CHECK(waiting.heard().starts_with("421 4.3.2 "));
    entrance.answer(0, ipc::Standing::proven);
    Timer later(entrance.loop, [&] { entrance.loop.stop(); });       // the stranger's time passes
    later.once(2 * entrance.policyd.delay);
    entrance.loop.run();
    CHECK(entrance.admitted.empty());
    CHECK(entrance.policyd.reports.empty());
}
