#include "conversation.h"
#include "tests/unit/libmail/imap_syntax.h"
#include "tests/unit/libmail/testdata.h"

using namespace postern::imapd::testing;

TEST_CASE("every public message comes back byte for byte, with an ENVELOPE and a BODYSTRUCTURE") {
    Mailroom room;
    Client c(room);
    c.say("s SELECT INBOX\r\n");
    std::size_t number = 0;
    for (const char* set : {"mime", "corpus"}) {
        for (const auto& path : postern::testing::files_below(postern::testing::testdata() / set)) {
            const std::string message = postern::testing::read_file(path);
            if (message.empty()) continue;
            INFO(path.string());
            REQUIRE(c.append("INBOX", message).find("app OK [APPENDUID") != std::string::npos);
            const std::string n = std::to_string(++number);
            CHECK(c.say("a FETCH " + n + " BODY.PEEK[]\r\n") == "* " + n + " FETCH (BODY[] {" + std::to_string(message.size()) + "}\r\n" + message + ")\r\na OK Done\r\n");
            const std::string described = c.say("b FETCH " + n + " (ENVELOPE BODYSTRUCTURE BODY RFC822.SIZE)\r\n");
            const std::string head = "* " + n + " FETCH (";
            REQUIRE(described.starts_with(head));
            REQUIRE(described.ends_with(" RFC822.SIZE " + std::to_string(message.size()) + ")\r\nb OK Done\r\n"));
            const std::string first = c.say("c FETCH " + n + " (BODY.PEEK[1.MIME] BODY.PEEK[1] BODY.PEEK[HEADER] BODY.PEEK[TEXT] BODY.PEEK[2.1.HEADER])\r\n");
            CHECK(first.ends_with("c OK Done\r\n"));
        }
    }
    CHECK(number > 1'300);
    CHECK(c.say("d SEARCH TEXT postern-not-in-any-message\r\n") == "* SEARCH\r\nd OK Done\r\n");
}
