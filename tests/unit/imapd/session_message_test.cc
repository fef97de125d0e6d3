#include "conversation.h"

using namespace postern::imapd::testing;

namespace {

struct Selected : Mailroom {
    Selected() {
        for (int i = 1; i <= 4; ++i) c.append("INBOX", "Subject: number " + std::to_string(i) + "\r\nFrom: a" + std::to_string(i) + "@b.org\r\n\r\nbody " + std::to_string(i) + "\r\n");
        c.say("s SELECT INBOX\r\n");
    }
    Client c{*this};
};

} // namespace

TEST_CASE("FETCH of what the index knows") {
    Selected room;
    Client& c = room.c;
    CHECK(c.say("a FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE)\r\n") ==
          "* 1 FETCH (UID 1 FLAGS (\\Recent) INTERNALDATE \"21-Jun-2026 00:00:00 +0000\" RFC822.SIZE 45)\r\na OK Done\r\n");
    CHECK(c.say("b UID FETCH 2:3 FLAGS\r\n") == "* 2 FETCH (UID 2 FLAGS (\\Recent))\r\n* 3 FETCH (UID 3 FLAGS (\\Recent))\r\nb OK Done\r\n");
    CHECK(c.say("c UID FETCH 100:* FLAGS\r\n") == "* 4 FETCH (UID 4 FLAGS (\\Recent))\r\nc OK Done\r\n");
    CHECK(c.say("d UID FETCH 100:200 FLAGS\r\n") == "d OK Done\r\n");
    CHECK(c.say("e FETCH 5 FLAGS\r\n") == "e BAD No such message\r\n");
    CHECK(c.say("f FETCH 1 ENVELOPE\r\n") ==
          "* 1 FETCH (ENVELOPE (NIL \"number 1\" ((NIL NIL \"a1\" \"b.org\")) ((NIL NIL \"a1\" \"b.org\")) ((NIL NIL \"a1\" \"b.org\")) NIL NIL NIL NIL NIL))\r\nf OK Done\r\n");
    CHECK(c.say("g FETCH 1 (BODY BODYSTRUCTURE)\r\n") ==
          "* 1 FETCH (BODY (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 8 1) "
          "BODYSTRUCTURE (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 8 1 NIL NIL NIL NIL))\r\ng OK Done\r\n");
    CHECK(c.say("h FETCH 1 BODY.PEEK[HEADER.FIELDS (Subject)]\r\n") ==
          "* 1 FETCH (BODY[HEADER.FIELDS (Subject)] {21}\r\nSubject: number 1\r\n\r\n)\r\nh OK Done\r\n");
}

TEST_CASE("FETCH of bodies sets \\Seen unless it peeks") {
    Selected room;
    Client& c = room.c;
    CHECK(c.say("a FETCH 1 BODY.PEEK[TEXT]\r\n") == "* 1 FETCH (BODY[TEXT] {8}\r\nbody 1\r\n)\r\na OK Done\r\n");
    CHECK(c.say("b FETCH 1 BODY[TEXT]\r\n") == "* 1 FETCH (FLAGS (\\Seen \\Recent) BODY[TEXT] {8}\r\nbody 1\r\n)\r\nb OK Done\r\n");
    CHECK(c.say("c FETCH 1 BODY[1]<2.3>\r\n") == "* 1 FETCH (BODY[1]<2> {3}\r\ndy )\r\nc OK Done\r\n");
    CHECK(c.say("d FETCH 1 BODY[]<40.100>\r\n") == "* 1 FETCH (BODY[]<40> {5}\r\ny 1\r\n)\r\nd OK Done\r\n");
    CHECK(c.say("e FETCH 1 BODY[]<1000.5>\r\n") == "* 1 FETCH (BODY[]<1000> {0}\r\n)\r\ne OK Done\r\n");
    CHECK(c.say("f FETCH 1 (BODY[2] BODY[HEADER] FLAGS)\r\n") ==
          "* 1 FETCH (FLAGS (\\Seen \\Recent) BODY[2] NIL BODY[HEADER] {37}\r\nSubject: number 1\r\nFrom: a1@b.org\r\n\r\n)\r\nf OK Done\r\n");
    CHECK(c.say("g FETCH 2 (RFC822.HEADER)\r\n").find("\\Seen") == std::string::npos);
    CHECK(c.say("h FETCH 2 RFC822.TEXT\r\n") == "* 2 FETCH (FLAGS (\\Seen \\Recent) RFC822.TEXT {8}\r\nbody 2\r\n)\r\nh OK Done\r\n");
    CHECK(c.say("i FETCH 3 RFC822\r\n").starts_with("* 3 FETCH (FLAGS (\\Seen \\Recent) RFC822 {45}\r\n"));
}

TEST_CASE("STORE, EXPUNGE, and what others are told") {
    Selected room;
    Client& c = room.c;
    Client other(room);
    other.say("s SELECT INBOX\r\n");
    CHECK(c.say("a STORE 1:2 +FLAGS (\\Deleted $New)\r\n") ==
          "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $New)\r\n"
          "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $New \\*)] Flags permitted\r\n"
          "* 1 FETCH (FLAGS (\\Deleted $New \\Recent))\r\n* 2 FETCH (FLAGS (\\Deleted $New \\Recent))\r\na OK Done\r\n");
    CHECK(c.say("b STORE 3 +FLAGS.SILENT (\\Seen)\r\n") == "b OK Done\r\n");
    CHECK(c.say("c UID STORE 3 -FLAGS (\\Seen)\r\n") == "* 3 FETCH (UID 3 FLAGS (\\Recent))\r\nc OK Done\r\n");
    CHECK(other.say("d NOOP\r\n").find("* 2 FETCH (FLAGS (\\Deleted $New))\r\n") != std::string::npos);
    CHECK(c.say("e UID EXPUNGE 2:4\r\n") == "* 2 EXPUNGE\r\ne OK Done\r\n");
    // RFC 9051 section 5.5: not while sequence numbers are being spoken of.
    CHECK(other.say("f FETCH 4 (UID)\r\n") == "* 4 FETCH (UID 4)\r\nf OK Done\r\n");
    CHECK(other.say("g FETCH 2 (FLAGS)\r\n") == "g OK [EXPUNGEISSUED] Done\r\n");
    CHECK(other.say("h NOOP\r\n") == "* 2 EXPUNGE\r\nh OK Done\r\n");
    CHECK(c.say("i EXPUNGE\r\n") == "* 1 EXPUNGE\r\ni OK Done\r\n");
    CHECK(c.say("j STORE 1 FLAGS (\\Deleted)\r\n").find("j OK") != std::string::npos);
    CHECK(c.say("k CLOSE\r\nl STATUS INBOX (MESSAGES)\r\n") == "k OK Done\r\n* STATUS INBOX (MESSAGES 1)\r\nl OK Done\r\n");
}

TEST_CASE("COPY and MOVE say where messages went") {
    Selected room;
    Client& c = room.c;
    CHECK(c.say("a COPY 1:2 Archive\r\n") == "a OK [COPYUID V 1:2 1:2] Done\r\n");
    CHECK(c.say("b COPY 1 nothing\r\n") == "b NO [TRYCREATE] No such mailbox\r\n");
    CHECK(c.say("c UID COPY 99 Archive\r\n") == "c OK Done\r\n");
    CHECK(c.say("d MOVE 2:3 Trash\r\n") == "* OK [COPYUID V 2:3 1:2] Moved\r\n* 3 EXPUNGE\r\n* 2 EXPUNGE\r\nd OK Done\r\n");
    CHECK(c.say("e FETCH 1:* (UID)\r\n") == "* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 4)\r\ne OK Done\r\n");
    CHECK(c.say("f STATUS Trash (MESSAGES)\r\n") == "* STATUS Trash (MESSAGES 2)\r\nf OK Done\r\n");
    c.say("g EXAMINE INBOX\r\n");
    CHECK(c.say("h MOVE 1 Trash\r\n") == "h NO [READ-ONLY] Mailbox is read-only\r\n");
}

TEST_CASE("SEARCH, every kind of key") {
    Mailroom room;
    Client c(room);
    c.append("INBOX", small, "(\\Seen) \"01-Jun-2026 08:00:00 +0000\" ");
    c.append("INBOX", "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nFrom: Joe <joe@x.org>\r\nBcc: hidden@x.org\r\nX-Note: one\r\n"
                      "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nsch=F6n\r\n",
             "(\\Flagged work) \"02-Jun-2026 23:59:59 +0000\" ");
    c.append("INBOX", "Subject: third\r\nCc: ann@example.org\r\n\r\n" + std::string(5'000, 'z') + "\r\n", "(\\Deleted \\Draft \\Answered) \"03-Jun-2026 00:00:00 +0000\" ");
    c.say("s SELECT INBOX\r\n");
    const struct { const char* keys; const char* found; } cases[] = {
        {"ALL", " 1 2 3"}, {"SEEN", " 1"}, {"UNSEEN", " 2 3"}, {"FLAGGED", " 2"}, {"DELETED DRAFT ANSWERED", " 3"}, {"UNDELETED", " 1 2"},
        {"KEYWORD work", " 2"}, {"UNKEYWORD work", " 1 3"}, {"KEYWORD never", ""}, {"RECENT", " 1 2 3"}, {"OLD", ""}, {"NEW", " 2 3"},
        {"FROM ANN", " 1"}, {"FROM joe@x", " 2"}, {"TO bob", " 1"}, {"CC ann", " 3"}, {"BCC HIDDEN", " 2"}, {"SUBJECT hello", " 1"},
        {"HEADER X-Note one", " 2"}, {"HEADER X-Note \"\"", " 2"}, {"HEADER Subject \"\"", " 1 2 3"}, {"HEADER Message-ID 1@example", " 1"},
        {"BODY bob", " 1"}, {"TEXT ann", " 1 3"}, {"BODY Subject", ""}, {"TEXT Subject", " 1 2 3"},
        {"BEFORE 2-Jun-2026", " 1"}, {"ON 2-Jun-2026", " 2"}, {"SINCE 2-Jun-2026", " 2 3"}, {"SENTON 1-Jun-2026", " 1"},
        {"SENTSINCE 2-Jun-2026", ""}, {"SENTBEFORE 2-Jun-2026", " 1"}, {"LARGER 4000", " 3"}, {"SMALLER 4000", " 1 2"},
        {"2:3", " 2 3"}, {"UID 1,3", " 1 3"}, {"*", " 3"}, {"NOT 1", " 2 3"}, {"OR SEEN FLAGGED", " 1 2"}, {"(OR 1 2) (NOT SEEN)", " 2"},
        {"NOT (SEEN)", " 2 3"}, {"CHARSET UTF-8 SUBJECT {6+}\r\ngr\xC3\xBC\xC3\x9F", " 2"}, {"CHARSET ISO-8859-1 BODY {5+}\r\nSCH\xD6N", " 2"},
    };
    for (const auto& k : cases) {
        INFO(k.keys);
        CHECK(c.say("a SEARCH " + std::string(k.keys) + "\r\n") == "* SEARCH" + std::string(k.found) + "\r\na OK Done\r\n");
    }
    CHECK(c.say("b SEARCH CHARSET X-NONE SUBJECT a\r\n") == "b NO [BADCHARSET (US-ASCII UTF-8)] Unknown charset\r\n");
    CHECK(c.say("c SEARCH 4\r\n") == "c BAD No such message\r\n");
    c.say("d STORE 1 +FLAGS (\\Deleted)\r\ne UID EXPUNGE 1\r\n");
    CHECK(c.say("f UID SEARCH ALL\r\n") == "* SEARCH 2 3\r\nf OK Done\r\n");
}

TEST_CASE("SEARCH in an empty mailbox finds nothing") {
    Mailroom room;
    Client c(room);
    c.say("s SELECT INBOX\r\n");
    for (const std::string command : {"SEARCH ALL", "UID SEARCH ALL", "SEARCH TEXT x", "UID SEARCH UID 1:*"}) {
        INFO(command);
        CHECK(c.say("a " + command + "\r\n") == "* SEARCH\r\na OK Done\r\n");
    }
    c.append("INBOX", small);
    c.say("b NOOP\r\nc STORE 1 +FLAGS (\\Deleted)\r\nd EXPUNGE\r\n");
    CHECK(c.say("e SEARCH ALL\r\n") == "* SEARCH\r\ne OK Done\r\n");     // and when it has become so
}

TEST_CASE("two sessions agree after anything") {
    Selected room;
    Client& a = room.c;
    Client b(room);
    b.say("s SELECT INBOX\r\n");
    a.append("INBOX", small);
    a.say("x STORE 1,3 +FLAGS (\\Deleted)\r\ny EXPUNGE\r\n");
    b.append("INBOX", small);
    b.say("x STORE 1 +FLAGS (\\Flagged)\r\n");
    a.say("z NOOP\r\n");
    b.say("z NOOP\r\n");
    CHECK(a.say("q FETCH 1:* (UID)\r\n") == b.say("q FETCH 1:* (UID)\r\n"));
    CHECK(a.say("r UID SEARCH FLAGGED\r\n") == b.say("r UID SEARCH FLAGGED\r\n"));
}

TEST_CASE("between two turns of a long command another session is answered") {
    Mailroom room;
    for (std::uint32_t n = 1; n <= 5'500; ++n) {
        postern::store::Delivery delivery;
        delivery.key = {{1, 1, n}, 0};
        delivery.internal_date = noon;
        delivery.body = small;
        REQUIRE(room.account()->deliver(delivery));
    }
    Client c(room), other(room);
    c.say("s SELECT INBOX\r\n");
    for (const std::string command : {"FETCH 1:* FLAGS", "SEARCH SUBJECT Hello", "STORE 1:* +FLAGS.SILENT (\\Deleted)", "UID MOVE 1:1000 Archive", "EXPUNGE"}) {
        INFO(command);
        const auto [first, more] = c.turn("a " + command + "\r\n");
        CHECK(more);
        CHECK(first.find("a OK") == std::string::npos);
        CHECK(other.say("n NOOP\r\n") == "n OK Done\r\n");
        CHECK(c.listen().ends_with("a OK Done\r\n"));
    }
    CHECK(c.say("t STATUS INBOX (MESSAGES)\r\n") == "* STATUS INBOX (MESSAGES 0)\r\nt OK Done\r\n");
    CHECK(c.say("u STATUS Archive (MESSAGES)\r\n") == "* STATUS Archive (MESSAGES 1000)\r\nu OK Done\r\n");
}
