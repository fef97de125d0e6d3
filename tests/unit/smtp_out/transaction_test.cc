#include "delivery/smtp/transaction.h"
#include "talk.h"

#include <catch2/catch.hpp>

#include <numeric>

using namespace postern;
using namespace postern::smtp_out;

namespace {

struct World {
    Outgoing message;
    Wire wire;
    Survey survey;
    Result<std::uint64_t> seven_bit_size = Error(Errc::unsupported, "it is so");
    std::optional<Transaction> transaction;

    explicit World(std::string_view offers = "", std::vector<std::string> recipients = {"x@b.example"}) {
        message.reverse_path = "me@a.example";
        message.size = 1000;
        message.survey = [this] { return survey; };
        message.seven_bit_size = [this] { return seven_bit_size; };
        for (std::string& address : recipients)
            message.recipients.push_back({static_cast<std::uint32_t>(message.recipients.size()), std::move(address), 0, {}});
        wire.offered = parse_capabilities(reply("250-mx" + std::string(offers) + "\n250 X"));
    }

    // All we say, separated by " / ". "(last)" stands for the last byte of the content.
    std::string talk(const std::vector<std::string_view>& replies) {
        std::vector<std::size_t> all(message.recipients.size());
        std::iota(all.begin(), all.end(), std::size_t{0});
        transaction.emplace(message, wire, all);
        std::string said = show(transaction->begin());
        for (const std::string_view text : replies)
            said += " / " + show(text == "(last)" ? transaction->on_last_byte() : transaction->on_reply(reply(text)));
        return said;
    }

    // "delivered 2.0.0, -, failed 5.1.1": by recipient.
    std::string outcomes() const {
        constexpr std::string_view names[] = {"delivered", "deferred", "failed"};
        std::string out;
        for (const auto& outcome : transaction->outcomes()) {
            out += out.empty() ? "" : ", ";
            out += outcome ? std::string(names[static_cast<std::size_t>(outcome->status)]) + " " + outcome->code : "-";
        }
        return out;
    }
    std::string problem() const { return transaction->problem().code + " " + transaction->problem().text; }
};

constexpr std::string_view pipelining = "\n250-PIPELINING";

} // namespace

TEST_CASE("a message to one recipient, one command after the other") {
    World world;
    CHECK(world.talk({"250 ok", "250 ok", "354 go", "(last)", "250 2.6.0 taken"}) ==
          "MAIL FROM:<me@a.example> / RCPT TO:<x@b.example> / DATA / {content} /  / {end}");
    CHECK(world.outcomes() == "delivered 2.6.0");
    CHECK(world.transaction->is_reusable());
}

TEST_CASE("a message in one group of commands (RFC 2920)") {
    World world(pipelining, {"x@b.example", "y@b.example"});
    CHECK(world.talk({"250 ok", "250 ok", "550 5.1.1 who?", "354 go", "(last)", "250 taken"}) ==
          "MAIL FROM:<me@a.example>|RCPT TO:<x@b.example>|RCPT TO:<y@b.example>|DATA /  /  /  / {content} /  / {end}");
    CHECK(world.outcomes() == "delivered 2.0.0, failed 5.1.1");
    CHECK(world.transaction->is_reusable());
}

TEST_CASE("nobody is accepted: no message is sent, and the connection stays usable") {
    World slow("", {"x@b.example", "y@b.example"});
    CHECK(slow.talk({"250 ok", "450 later", "550 never", "250 reset"}) ==
          "MAIL FROM:<me@a.example> / RCPT TO:<x@b.example> / RCPT TO:<y@b.example> / RSET / {end}");
    CHECK(slow.outcomes() == "deferred 4.2.0, failed 5.0.0");
    CHECK(slow.transaction->is_reusable());

    World grouped(pipelining);
    CHECK(grouped.talk({"250 ok", "550 never", "503 no recipients", "250 reset"}) ==
          "MAIL FROM:<me@a.example>|RCPT TO:<x@b.example>|DATA /  /  / RSET / {end}");
    CHECK(grouped.outcomes() == "failed 5.0.0");

    World eager(pipelining);                                     // it says 354 all the same: RFC 2920 section 3.1
    CHECK(eager.talk({"250 ok", "550 never", "354 go", "554 nobody", "250 reset"}) ==
          "MAIL FROM:<me@a.example>|RCPT TO:<x@b.example>|DATA /  /  / . / RSET / {end}");
    CHECK(eager.outcomes() == "failed 5.0.0");
}

TEST_CASE("what is said of the whole before the message: temporary is for the next host, permanent is for good") {
    World temporary;
    CHECK(temporary.talk({"451 4.7.1 greylisted"}) == "MAIL FROM:<me@a.example> / {end}");
    CHECK(temporary.outcomes() == "-");
    CHECK(temporary.problem() == "4.7.1 451 4.7.1 greylisted");
    CHECK(temporary.transaction->is_reusable());

    World permanent(pipelining, {"x@b.example", "y@b.example"});
    permanent.talk({"550 5.7.1 not you", "503 MAIL first", "503 MAIL first", "503 MAIL first"});
    CHECK(permanent.outcomes() == "failed 5.7.1, failed 5.7.1");
    CHECK(permanent.transaction->is_reusable());

    World data;
    data.talk({"250 ok", "250 ok", "452 4.3.1 disk full", "250 reset"});
    CHECK(data.outcomes() == "deferred 4.3.1");
    CHECK(data.transaction->is_reusable());

    World content;
    content.talk({"250 ok", "250 ok", "354 go", "(last)", "554 5.6.0 spam"});
    CHECK(content.outcomes() == "failed 5.6.0");
    CHECK(content.transaction->is_reusable());
}

TEST_CASE("421 ends the session wherever it comes") {
    for (const std::vector<std::string_view>& replies : std::vector<std::vector<std::string_view>>{
             {"421 bye"}, {"250 ok", "421 bye"}, {"250 ok", "250 ok", "421 bye"}, {"250 ok", "250 ok", "354 go", "421 bye"}}) {
        World world;
        CHECK(world.talk(replies).ends_with(" / {end}"));
        CHECK(world.outcomes() == "-");
        CHECK(world.transaction->is_busy());
        CHECK_FALSE(world.transaction->is_reusable());
        CHECK(world.transaction->was_answered() == (replies.size() > 1));
        CHECK_FALSE(world.transaction->is_uncertain());
    }
    World after;                                                 // an answer to the message, and a clear one
    after.talk({"250 ok", "250 ok", "354 go", "(last)", "421 4.3.0 not now"});
    CHECK(after.outcomes() == "deferred 4.3.0");
    CHECK_FALSE(after.transaction->is_uncertain());
}

TEST_CASE("a connection that is lost: before the last byte nothing is decided, behind it nothing is certain") {
    World before("", {"x@b.example", "y@b.example"});
    before.talk({"250 ok", "250 ok", "550 5.1.1 who?", "354 go"});
    before.transaction->on_lost("reset by peer");
    CHECK(before.outcomes() == "-, failed 5.1.1");
    CHECK(before.problem() == "4.4.2 lost before the message was sent: reset by peer");
    CHECK_FALSE(before.transaction->is_uncertain());

    World behind("", {"x@b.example", "y@b.example"});
    behind.talk({"250 ok", "250 ok", "550 5.1.1 who?", "354 go", "(last)"});
    behind.transaction->on_lost("reset by peer");
    CHECK(behind.outcomes() == "deferred 4.4.2, failed 5.1.1");
    CHECK(behind.transaction->outcomes()[0]->text == "lost after the message was sent, it may have arrived: reset by peer");
    CHECK(behind.transaction->is_uncertain());
    CHECK_FALSE(behind.transaction->is_reusable());
}

TEST_CASE("replies out of order end the connection") {
    World two_hundred_to_data;
    CHECK(two_hundred_to_data.talk({"250 ok", "250 ok", "250 ok"}).ends_with(" / {end}"));
    CHECK(two_hundred_to_data.outcomes() == "-");
    CHECK_FALSE(two_hundred_to_data.transaction->is_reusable());

    World go_ahead_to_mail;
    go_ahead_to_mail.talk({"354 go"});
    CHECK(go_ahead_to_mail.problem() == "4.4.2 lost before the message was sent: unexpected reply: 354 go");

    World go_ahead_to_content;
    go_ahead_to_content.talk({"250 ok", "250 ok", "354 go", "(last)", "354 more"});
    CHECK(go_ahead_to_content.outcomes() == "deferred 4.5.0");
}

TEST_CASE("a refusal while the message is on its way ends it there") {
    World world;
    CHECK(world.talk({"250 ok", "250 ok", "354 go", "552 5.3.4 too much"}).ends_with(" / {content} / {end}"));
    CHECK(world.outcomes() == "failed 5.3.4");
    CHECK_FALSE(world.transaction->is_reusable());               // the rest of it would be read as commands
    World praise;
    praise.talk({"250 ok", "250 ok", "354 go", "250 thanks"});
    CHECK(praise.outcomes() == "-");                             // it cannot have taken what it has not got
}

TEST_CASE("a host that takes no more recipients at once gets the rest in another transaction") {
    World world(pipelining, {"x@b.example", "y@b.example", "z@b.example"});
    world.talk({"250 ok", "250 ok", "452 4.5.3 too many", "452 4.5.3 too many", "354 go", "(last)", "250 taken"});
    CHECK(world.outcomes() == "delivered 2.0.0, -, -");
    CHECK(world.transaction->wants_more());
    CHECK(world.transaction->is_reusable());
    World none(pipelining);                                      // 452 to the first one is that recipient's own
    none.talk({"250 ok", "452 4.2.2 full", "554 nobody", "250 reset"});
    CHECK(none.outcomes() == "deferred 4.2.2");
    CHECK_FALSE(none.transaction->wants_more());
}

TEST_CASE("BDAT where it is offered, once somebody is accepted (RFC 3030)") {
    World world("\n250-PIPELINING\n250-CHUNKING");
    CHECK(world.talk({"250 ok", "250 ok", "(last)", "250 taken"}) ==
          "MAIL FROM:<me@a.example>|RCPT TO:<x@b.example> /  / BDAT 1000 LAST{content} /  / {end}");
    CHECK(world.transaction->is_chunked());
    CHECK(world.outcomes() == "delivered 2.0.0");

    World nobody("\n250-PIPELINING\n250-CHUNKING");
    CHECK(nobody.talk({"250 ok", "550 no", "250 reset"}) == "MAIL FROM:<me@a.example>|RCPT TO:<x@b.example> /  / RSET / {end}");

    World off("\n250-CHUNKING");
    off.wire.chunking = false;
    CHECK(off.talk({"250 ok", "250 ok"}).ends_with(" / DATA"));
}

TEST_CASE("LMTP answers for each recipient it took") {
    World world(pipelining, {"x@b.example", "y@b.example", "z@b.example"});
    world.wire.lmtp = true;
    world.talk({"250 ok", "250 ok", "550 5.1.1 who?", "250 ok", "354 go", "(last)", "250 2.1.5 ok"});
    CHECK(world.outcomes() == "delivered 2.1.5, failed 5.1.1, -");
    world.transaction->on_lost("reset by peer");
    CHECK(world.outcomes() == "delivered 2.1.5, failed 5.1.1, deferred 4.4.2");
    CHECK(world.transaction->is_uncertain());
    world.talk({"250 ok", "250 ok", "550 5.1.1 who?", "250 ok", "354 go", "(last)", "250 2.1.5 ok", "452 4.2.2 full"});
    CHECK(world.outcomes() == "delivered 2.1.5, failed 5.1.1, deferred 4.2.2");
    CHECK(world.transaction->is_reusable());
}

TEST_CASE("what a host does not offer is not asked of it") {
    struct Case {
        std::string_view what, offers;
        ipc::BodyKind body;
        bool smtputf8, require_tls, secure, eight_bit_header, eight_bit_body;
        std::string_view sender, recipient;
        std::string_view said, outcome;      // "" where nobody is decided: then the problem
    };
    using enum ipc::BodyKind;
    const Case cases[] = {
        {"SIZE", "\n250-SIZE 2000", seven_bit, false, false, false, false, false, "a@b", "x@y", "MAIL FROM:<a@b> SIZE=1000", "-"},
        {"too large", "\n250-SIZE 999", seven_bit, false, false, false, false, false, "a@b", "x@y", "{end}",
         "5.3.4 the message has 1000 octets, the host takes 999"},
        {"8BITMIME", "\n250-8BITMIME", eight_bit, false, false, false, false, true, "a@b", "x@y", "MAIL FROM:<a@b> BODY=8BITMIME", "-"},
        {"no 8BITMIME, and none needed", "", eight_bit, false, false, false, false, false, "a@b", "x@y", "MAIL FROM:<a@b>", "-"},
        {"no 8BITMIME", "", eight_bit, false, false, false, false, true, "a@b", "x@y", "{end}",
         "5.6.1 the host does not offer 8BITMIME, and the message has no other form: it is so"},
        {"BINARYMIME", "\n250-CHUNKING\n250-BINARYMIME", binary, false, false, false, false, true, "a@b", "x@y", "MAIL FROM:<a@b> BODY=BINARYMIME", "-"},
        {"no BINARYMIME", "\n250-CHUNKING", binary, false, false, false, false, false, "a@b", "x@y", "{end}",
         "5.6.1 the host does not offer BINARYMIME, and the message has no other form: it is so"},
        {"SMTPUTF8", "\n250-SMTPUTF8", seven_bit, true, false, false, true, false, "ä@b", "ö@y", "MAIL FROM:<ä@b> SMTPUTF8", "-"},
        {"no SMTPUTF8, and none needed", "", seven_bit, true, false, false, false, false, "a@b", "x@y", "MAIL FROM:<a@b>", "-"},
        {"no SMTPUTF8 for the header", "", seven_bit, true, false, false, true, false, "a@b", "x@y", "{end}",
         "5.6.7 sender or header are beyond ASCII, and the host does not offer SMTPUTF8"},
        {"no SMTPUTF8 for the sender", "", seven_bit, true, false, false, false, false, "ä@b", "x@y", "{end}",
         "5.6.7 sender or header are beyond ASCII, and the host does not offer SMTPUTF8"},
        {"no SMTPUTF8 for the recipient", "", seven_bit, true, false, false, false, false, "a@b", "ö@y", "{end}", "failed 5.6.7"},
        {"REQUIRETLS", "\n250-REQUIRETLS", seven_bit, false, true, true, false, false, "a@b", "x@y", "MAIL FROM:<a@b> REQUIRETLS", "-"},
        {"REQUIRETLS in clear", "\n250-REQUIRETLS", seven_bit, false, true, false, false, false, "a@b", "x@y", "{end}",
         "5.7.30 the message demands TLS on its whole way, and the host does not offer REQUIRETLS"},
        {"no REQUIRETLS", "", seven_bit, false, true, true, false, false, "a@b", "x@y", "{end}",
         "5.7.30 the message demands TLS on its whole way, and the host does not offer REQUIRETLS"},
    };
    for (const Case& c : cases) {
        INFO(c.what);
        World world(c.offers, {std::string(c.recipient)});
        world.message.reverse_path = c.sender;
        world.message.body_kind = c.body;
        world.message.smtputf8 = c.smtputf8;
        world.message.require_tls = c.require_tls;
        world.wire.secure = c.secure;
        if (c.eight_bit_header) world.survey.take("Subject: \xC3\xA4\r\n");
        world.survey.take("\r\n");
        if (c.eight_bit_body) world.survey.take("\xC3\xA4\r\n");
        CHECK(world.talk({}) == c.said);
        CHECK((c.outcome.starts_with('5') ? world.problem() : world.outcomes()) == c.outcome);
    }
}

TEST_CASE("what a host cannot take as it is goes in seven bits") {
    const bool binary = GENERATE(false, true);
    World world("\n250-SIZE 1500\n250-CHUNKING");
    world.message.body_kind = binary ? ipc::BodyKind::binary : ipc::BodyKind::eight_bit;
    world.survey.take("\r\n\xC3\xA4\r\n");
    world.seven_bit_size = 1200;
    CHECK(world.talk({"250 ok", "250 ok"}).ends_with("/ BDAT 1200 LAST{content}"));
    CHECK(world.transaction->form() == Content::Form::seven_bit);
    world.wire.chunking = false;
    CHECK(world.talk({"250 ok", "250 ok", "354 go"}) == "MAIL FROM:<me@a.example> SIZE=1200 / RCPT TO:<x@b.example> / DATA / {content}");
    world.seven_bit_size = 1501;
    CHECK(world.talk({}) == "{end}");
    CHECK(world.problem() == "5.3.4 the message has 1501 octets, the host takes 1500");
    world.seven_bit_size = Error(Errc::io, "read the body");
    CHECK(world.talk({}) == "{end}");
    CHECK(world.problem() == "4.3.0 read the body");
    world.wire.offered.eight_bit = world.wire.offered.binarymime = true;
    world.talk({});
    CHECK(world.transaction->form() == Content::Form::original);
}

TEST_CASE("parameters of DSN where it is offered (RFC 3461)") {
    World world("\n250-DSN\n250-PIPELINING");
    world.message.ret = ipc::DsnReturn::headers;
    world.message.envelope_id = "id+1=a b";
    world.message.recipients[0].notify = ipc::notify::success | ipc::notify::delay;
    world.message.recipients[0].original = "rfc822;x+y@b.example";
    CHECK(world.talk({}) == "MAIL FROM:<me@a.example> RET=HDRS ENVID=id+2B1+3Da+20b|"
                            "RCPT TO:<x@b.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x+2By@b.example|DATA");
    CHECK(world.transaction->dsn_passed());
    world.wire.offered.dsn = false;
    CHECK(world.talk({}) == "MAIL FROM:<me@a.example>|RCPT TO:<x@b.example>|DATA");
    CHECK_FALSE(world.transaction->dsn_passed());
}

TEST_CASE("an ORCPT beyond ASCII, with SMTPUTF8 and without (RFC 6533)") {
    World world("\n250-DSN\n250-SMTPUTF8");
    world.message.smtputf8 = true;
    world.message.recipients[0].original = "utf-8;gr\u00fc\u00dfe@b.example";
    CHECK(world.talk({"250 ok"}).ends_with(" ORCPT=utf-8;gr\u00fc\u00dfe@b.example"));
    world.wire.offered.smtputf8 = false;
    CHECK(world.talk({"250 ok"}).ends_with(" ORCPT=utf-8;gr\\x{FC}\\x{DF}e@b.example"));
}

TEST_CASE("a message that must not be sent any more leaves everybody deferred") {
    World world;
    world.talk({"250 ok", "250 ok", "354 go"});
    world.transaction->abandon(deferred("4.3.2", "the queue manager is gone"));
    CHECK(world.outcomes() == "deferred 4.3.2");
    CHECK_FALSE(world.transaction->is_uncertain());
    CHECK_FALSE(world.transaction->is_reusable());
}
