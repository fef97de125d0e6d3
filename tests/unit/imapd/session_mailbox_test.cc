#include "conversation.h"

#include "imapd/capabilities.h"

using namespace postern::imapd::testing;

TEST_CASE("capabilities, identity, namespace, logout") {
    Mailroom room;
    Client c(room);
    CHECK(c.say("a CAPABILITY\r\n") == "* CAPABILITY " + std::string(postern::imapd::capabilities_logged_in) + "\r\na OK Done\r\n");
    CHECK(c.say("b ID NIL\r\n") == "* ID (\"name\" \"Postern\")\r\nb OK Done\r\n");
    CHECK(c.say("c NAMESPACE\r\n") == "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\nc OK Done\r\n");
    CHECK(c.say("d ENABLE CONDSTORE\r\n") == "* ENABLED\r\nd OK Done\r\n");
    CHECK(c.say("e NOOP\r\nf NOOP\r\n") == "e OK Done\r\nf OK Done\r\n");
    CHECK(c.say("g LOGOUT\r\nh NOOP\r\n") == "* BYE Logging out\r\ng OK Done\r\n");
    CHECK(c.closed);
}

TEST_CASE("what is not legal here") {
    Mailroom room;
    Client c(room);
    CHECK(c.say("a LOGIN x y\r\n") == "a BAD Not in this state\r\n");
    CHECK(c.say("b STARTTLS\r\n") == "b BAD Not in this state\r\n");
    CHECK(c.say("c FETCH 1 FLAGS\r\n") == "c BAD Not in this state\r\n");
    CHECK(c.say("d FROB\r\n") == "d BAD unknown command\r\n");
    CHECK(c.say("\x01\x02\r\n") == "* BAD missing tag at column 1\r\n");
    std::string flood;
    for (int i = 0; i < 30; ++i) flood += "x\r\n";
    const std::string answer = c.say(flood);
    CHECK(answer.ends_with("* BYE Too many errors\r\n"));
    CHECK(c.closed);
}

TEST_CASE("the folders of a new account, and LIST") {
    Mailroom room;
    Client c(room);
    CHECK(c.say("a LIST \"\" *\r\n") ==
          "* LIST (\\HasNoChildren \\Archive) \"/\" Archive\r\n* LIST (\\HasNoChildren \\Drafts) \"/\" Drafts\r\n"
          "* LIST (\\HasNoChildren) \"/\" INBOX\r\n* LIST (\\HasNoChildren \\Junk) \"/\" Junk\r\n"
          "* LIST (\\HasNoChildren \\Sent) \"/\" Sent\r\n* LIST (\\HasNoChildren \\Trash) \"/\" Trash\r\na OK Done\r\n");
    CHECK(c.say("b LIST \"\" \"\"\r\n") == "* LIST (\\Noselect) \"/\" \"\"\r\nb OK Done\r\n");
    CHECK(c.say("c CREATE a/b\r\n").starts_with("c OK"));
    CHECK(c.say("d LIST \"\" a*\r\n").find("a/b") != std::string::npos);
    CHECK(c.say("e LIST a/ %\r\n") == "* LIST (\\HasNoChildren) \"/\" a/b\r\ne OK Done\r\n");
    CHECK(c.say("f CREATE Entw&APw-rfe\r\n").starts_with("f OK"));
    CHECK(c.say("g LIST \"\" Entw*\r\n") == "* LIST (\\HasNoChildren) \"/\" Entw&APw-rfe\r\ng OK Done\r\n");
    CHECK(c.say("h LIST \"\" nothing\r\n") == "h OK Done\r\n");
    CHECK(c.say("i LIST (SPECIAL-USE) \"\" *\r\n").find("INBOX") == std::string::npos);
    CHECK(c.say("j LIST \"\" INBOX RETURN (STATUS (MESSAGES UNSEEN))\r\n") ==
          "* LIST (\\HasNoChildren) \"/\" INBOX\r\n* STATUS INBOX (MESSAGES 0 UNSEEN 0)\r\nj OK Done\r\n");
}

TEST_CASE("create, rename, delete, subscribe") {
    Mailroom room;
    Client c(room);
    CHECK(c.say("a CREATE x\r\n") == "a OK Done\r\n");
    CHECK(c.say("b CREATE x\r\n") == "b NO [ALREADYEXISTS] Mailbox exists\r\n");
    CHECK(c.say("c CREATE x/\r\n") == "c NO [ALREADYEXISTS] Mailbox exists\r\n");
    CHECK(c.say("d CREATE inbox\r\n").starts_with("d NO"));
    CHECK(c.say("e CREATE ../x\r\n") == "e NO [CANNOT] Invalid mailbox name\r\n");
    CHECK(c.say("f RENAME x y\r\n") == "f OK Done\r\n");
    CHECK(c.say("g SELECT x\r\n") == "g NO [NONEXISTENT] No such mailbox\r\n");
    CHECK(c.say("h SUBSCRIBE y\r\n") == "h OK Done\r\n");
    CHECK(c.say("i LSUB \"\" y\r\n") == "* LSUB () \"/\" y\r\ni OK Done\r\n");
    CHECK(c.say("j LIST (SUBSCRIBED) \"\" y\r\n") == "* LIST (\\HasNoChildren \\Subscribed) \"/\" y\r\nj OK Done\r\n");
    CHECK(c.say("k UNSUBSCRIBE y\r\n") == "k OK Done\r\n");
    CHECK(c.say("l LSUB \"\" y\r\n") == "l OK Done\r\n");
    CHECK(c.say("m DELETE y\r\n") == "m OK Done\r\n");
    CHECK(c.say("n DELETE y\r\n") == "n NO [NONEXISTENT] No such mailbox\r\n");
    CHECK(c.say("o DELETE INBOX\r\n").starts_with("o NO"));
    CHECK(c.say("p CREATE z (USE (\\Flagged))\r\n") == "p NO [USEATTR] No such special use\r\n");
    CHECK(c.say("q SUBSCRIBE s/t\r\nr LSUB \"\" %\r\n").find("* LSUB (\\Noselect) \"/\" s\r\n") != std::string::npos);
}

TEST_CASE("SELECT says what there is") {
    Mailroom room;
    Client c(room);
    CHECK(c.append("INBOX", small) == "app OK [APPENDUID V 1] Done\r\n");
    CHECK(c.append("INBOX", small, "(\\Seen $Work) ") == "app OK [APPENDUID V 2] Done\r\n");
    CHECK(c.say("a STATUS INBOX (MESSAGES UIDNEXT UNSEEN RECENT SIZE)\r\n") ==
          "* STATUS INBOX (MESSAGES 2 UIDNEXT 3 UNSEEN 1 RECENT 2 SIZE " + std::to_string(2 * small.size()) + ")\r\na OK Done\r\n");
    CHECK(c.say("b SELECT INBOX\r\n") ==
          "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Work)\r\n"
          "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Work \\*)] Flags permitted\r\n"
          "* 2 EXISTS\r\n* 2 RECENT\r\n* OK [UNSEEN 1] First unseen message\r\n* OK [UIDVALIDITY V] UIDs valid\r\n"
          "* OK [UIDNEXT 3] Predicted next UID\r\nb OK [READ-WRITE] Done\r\n");
    CHECK(c.say("c CLOSE\r\nd CLOSE\r\n") == "c OK Done\r\nd BAD Not in this state\r\n");
    const std::string examined = c.say("e EXAMINE INBOX\r\n");
    CHECK(examined.find("* 0 RECENT\r\n") != std::string::npos);       // the SELECT above took them
    CHECK(examined.ends_with("e OK [READ-ONLY] Done\r\n"));
    CHECK(c.say("f STORE 1 FLAGS ()\r\n") == "f NO [READ-ONLY] Mailbox is read-only\r\n");
    CHECK(c.say("g SELECT nothing\r\nh FETCH 1 FLAGS\r\n") == "g NO [NONEXISTENT] No such mailbox\r\nh BAD Not in this state\r\n");
}

TEST_CASE("APPEND") {
    Mailroom room;
    Client c(room);
    CHECK(c.say("a APPEND INBOX {5}\r\n") == "+ OK\r\n");
    CHECK(c.say("a: b\n\r\n") == "a OK [APPENDUID V 1] Done\r\n");
    CHECK(c.append("nothing", small) == "app NO [TRYCREATE] No such mailbox\r\n");
    CHECK(c.say("b APPEND nothing {5}\r\n") == "b NO [TRYCREATE] No such mailbox\r\n");
    CHECK(c.say("c APPEND INBOX {0+}\r\n\r\nd NOOP\r\n") == "c NO [CANNOT] A message without a byte\r\nd OK Done\r\n");
    CHECK(c.say("e APPEND INBOX {99999999999}\r\n") == "e NO [TOOBIG] Message too large\r\n");
    CHECK(c.say("f APPEND INBOX {3+}\r\nabcxyz\r\ng NOOP\r\n") == "f BAD unexpected text after the message\r\ng OK Done\r\n");
    const std::string big = "Subject: big\r\n\r\n" + std::string(3'000'000, 'x') + "\r\n";
    CHECK(c.append("INBOX", big) == "app OK [APPENDUID V 2] Done\r\n");
    c.say("h SELECT INBOX\r\n");
    const std::string fetched = c.say("i FETCH 2 BODY.PEEK[]\r\n");
    CHECK(fetched == "* 2 FETCH (BODY[] {" + std::to_string(big.size()) + "}\r\n" + big + ")\r\ni OK Done\r\n");
    CHECK(c.append("INBOX", small) == "* 3 EXISTS\r\n* 3 RECENT\r\napp OK [APPENDUID V 3] Done\r\n");
}

TEST_CASE("IDLE tells what happens elsewhere") {
    Mailroom room;
    Client idle(room), other(room);
    idle.say("a SELECT INBOX\r\n");
    CHECK(idle.say("b IDLE\r\n") == "+ idling\r\n");
    CHECK(other.append("INBOX", small) == "app OK [APPENDUID V 1] Done\r\n");
    CHECK(idle.wakes > 0);
    CHECK(idle.listen() == "* 1 EXISTS\r\n* 1 RECENT\r\n");
    other.say("c SELECT INBOX\r\nd STORE 1 +FLAGS (\\Deleted)\r\n");
    CHECK(idle.listen() == "* 1 FETCH (FLAGS (\\Deleted \\Recent))\r\n");
    other.say("e EXPUNGE\r\n");
    CHECK(idle.listen() == "* 1 EXPUNGE\r\n");
    CHECK(idle.say("done\r\n") == "b OK Done\r\n");
    CHECK(idle.say("f IDLE\r\nNOOP\r\n") == "+ idling\r\nf BAD Expected DONE\r\n");
}

TEST_CASE("a mailbox deleted under a session ends it; one's own DELETE only unselects") {
    Mailroom room;
    Client c(room), other(room);
    c.say("a CREATE x\r\nb SELECT x\r\n");
    other.say("a SELECT x\r\n");
    CHECK(c.say("c DELETE x\r\n") == "c OK Done\r\n");
    CHECK(other.listen() == "* BYE The selected mailbox was deleted\r\n");
    CHECK(other.closed);
    CHECK(c.say("d NOOP\r\n") == "d OK Done\r\n");
}
