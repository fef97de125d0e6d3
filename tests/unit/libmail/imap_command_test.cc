#include "libmail/imap/command.h"
#include "imap_describe.h"

#include <catch2/catch.hpp>

using namespace postern::imap;
using namespace std::string_literals;

namespace {

struct Case { std::string text; std::string expect; };

void run(const std::vector<Case>& cases, Dialect dialect = {}) {
    for (const Case& c : cases) {
        INFO(c.text);
        const std::string got = describe(parse_command("a " + c.text, dialect));
        if (c.expect == "BAD") CHECK(got.substr(0, 6) == "a BAD ");
        else CHECK(got == c.expect);
    }
}

std::string repeat(const std::string& text, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += text;
    return out;
}

} // namespace

TEST_CASE("tags and verbs") {
    const std::vector<Case> cases = {
        {"", "* BAD missing tag at column 1"},
        {"a", "a BAD expected a space at column 2"},
        {"a ", "a BAD expected a word at column 3"},
        {" NOOP", "* BAD missing tag at column 1"},
        {"+ NOOP", "* BAD missing tag at column 1"},
        {"a+ NOOP", "a BAD expected a space at column 2"},
        {"* NOOP", "* BAD missing tag at column 1"},
        {"a\x01 NOOP", "a BAD expected a space at column 2"},
        {"a\0 NOOP"s, "a BAD expected a space at column 2"},
        {"\xC3\xA4 NOOP", "* BAD missing tag at column 1"},
        {"a] NOOP", "noop"},
        {"A.1-x NOOP", "noop"},
        {std::string(100, 'a') + " NOOP", "noop"},
        {"a noop", "noop"},
        {"a NOOP ", "a BAD unexpected text at column 7"},
        {"a NOOP x", "a BAD unexpected text at column 7"},
        {"a  NOOP", "a BAD expected a word at column 3"},
        {"a FROB", "a BAD unknown command"},
        {"a UID", "a BAD expected a space at column 6"},
        {"a UID NOOP", "a BAD unknown command"},
        {"a UID UID FETCH 1 FLAGS", "a BAD unknown command"},
        {"a CAPABILITY", "capability"},
        {"a LOGOUT", "logout"},
        {"a STARTTLS", "starttls"},
        {"a NAMESPACE", "namespace"},
        {"a CHECK", "check"},
        {"a CLOSE", "close"},
        {"a UNSELECT", "unselect"},
        {"a IDLE", "idle"},
        {"a EXPUNGE", "expunge"},
        {"a EXPUNGE 1", "a BAD unexpected text at column 10"},
        {"a UID EXPUNGE 1:3", "uid expunge 1:3"},
        {"a UID EXPUNGE", "a BAD expected a space at column 14"},
    };
    for (const Case& c : cases) {
        INFO(c.text);
        CHECK(describe(parse_command(c.text)) == c.expect);
    }
    CHECK(std::get<BadSyntax>(parse_command(std::string(101, 'a') + " NOOP")).tag == "*");   // never echoed
}

TEST_CASE("ID, LOGIN, AUTHENTICATE, ENABLE") {
    run({
        {"ID NIL", "id"},
        {"ID ()", "id"},
        {"ID (\"name\" \"x\" \"os\" NIL)", "id name=x os=NIL"},
        {"ID (\"name\")", "BAD"},
        {"ID (\"name\" \"x\"", "BAD"},
        {"ID", "BAD"},
        {"ID (name x)", "BAD"},
        {"ID (" + repeat("\"a\" \"b\" ", 40) + "\"a\" \"b\")", "BAD"},
        {"LOGIN ann secret", "login ann|secret"},
        {"LOGIN \"ann@example.org\" \"a b\\\"c\\\\\"", "login ann@example.org|a b\"c\\"},
        {"LOGIN {3}\r\nann {6}\r\nse\r\ncr", "login ann|se\r\ncr"},
        {"LOGIN {3+}\r\nann {0+}\r\n", "login ann|"},
        {"LOGIN ann", "BAD"},
        {"LOGIN ann \"\"", "login ann|"},
        {"LOGIN \"ann secret", "BAD"},
        {"LOGIN \"a\\n\" x", "BAD"},
        {"LOGIN ann sec(ret", "BAD"},
        {"LOGIN ann sec]ret", "login ann|sec]ret"},
        {"LOGIN {5}\r\nann x", "BAD"},
        {"LOGIN {3}\nann x", "BAD"},
        {"LOGIN {x}\r\nann x", "BAD"},
        {"LOGIN {18446744073709551617}\r\nann x", "BAD"},
        {"LOGIN {1}\r\n\0 x"s, "BAD"},
        {"LOGIN \"a\0\" x"s, "BAD"},
        {"LOGIN ann x y", "BAD"},
        {"AUTHENTICATE PLAIN", "authenticate PLAIN"},
        {"AUTHENTICATE plain", "authenticate PLAIN"},
        {"AUTHENTICATE PLAIN AGFubgBz", "authenticate PLAIN AGFubgBz"},
        {"AUTHENTICATE PLAIN AGFubgBzZQ==", "authenticate PLAIN AGFubgBzZQ=="},
        {"AUTHENTICATE PLAIN =", "authenticate PLAIN ="},
        {"AUTHENTICATE PLAIN ", "BAD"},
        {"AUTHENTICATE", "BAD"},
        {"ENABLE CONDSTORE utf8=accept", "enable CONDSTORE UTF8=ACCEPT"},
        {"ENABLE", "BAD"},
        {"ENABLE ", "BAD"},
    });
}

TEST_CASE("mailbox names in commands") {
    run({
        {"SELECT INBOX", "select INBOX"},
        {"SELECT inbox", "select INBOX"},
        {"SELECT \"iNbOx\"", "select INBOX"},
        {"SELECT inbox/Sub", "select INBOX/Sub"},
        {"SELECT inboxes", "select inboxes"},
        {"SELECT \"a b\"", "select a b"},
        {"SELECT {3}\r\na b", "select a b"},
        {"SELECT Entw&APw-rfe", "select Entw\xC3\xBCrfe"},
        {"SELECT &-", "select &"},
        {"SELECT &AAA-", "BAD"},            // U+0000
        {"SELECT &AC4ALgAv-", "BAD"},       // "../" in disguise
        {"SELECT &2AA-", "BAD"},            // a lone surrogate
        {"SELECT a&b", "BAD"},
        {"SELECT \"\xC3\xBC\"", "BAD"},     // eight-bit without UTF8=ACCEPT
        {"SELECT a*", "BAD"},
        {"SELECT a%", "BAD"},
        {"SELECT", "BAD"},
        {"SELECT ", "BAD"},
        {"SELECT a b", "BAD"},
        {"EXAMINE INBOX", "examine INBOX"},
        {"CREATE a/b", "create a/b"},
        {"CREATE \"a/\"", "create a/"},
        {"CREATE Sent2 (USE (\\Sent))", "create Sent2 \\Sent"},
        {"CREATE a (USE ())", "create a"},
        {"CREATE a (FOO)", "BAD"},
        {"CREATE a (USE (\\Sent)", "BAD"},
        {"DELETE a", "delete a"},
        {"RENAME a b", "rename a to b"},
        {"RENAME a", "BAD"},
        {"RENAME INBOX {1}\r\nb", "rename INBOX to b"},
        {"SUBSCRIBE a", "subscribe a"},
        {"UNSUBSCRIBE a", "unsubscribe a"},
        {"STATUS a (MESSAGES)", "status a (MESSAGES)"},
        {"STATUS inbox (messages UNSEEN uidnext UIDVALIDITY recent SIZE)", "status INBOX (MESSAGES UNSEEN UIDNEXT UIDVALIDITY RECENT SIZE)"},
        {"STATUS a (MESSAGES MESSAGES)", "status a (MESSAGES)"},
        {"STATUS a ()", "BAD"},
        {"STATUS a (FOO)", "BAD"},
        {"STATUS a MESSAGES", "BAD"},
        {"STATUS a (MESSAGES", "BAD"},
    });
    run({{"SELECT \"Entw\xC3\xBCrfe\"", "select Entw\xC3\xBCrfe"},
         {"SELECT Entw\xC3\xBCrfe", "select Entw\xC3\xBCrfe"},
         {"SELECT \"\xC3\"", "BAD"},
         {"SELECT a&b", "select a&b"}},
        Dialect{true});
}

TEST_CASE("LIST and LSUB") {
    run({
        {"LIST \"\" *", "list [] *"},
        {"LIST \"\" \"\"", "list [] "},
        {"LIST \"\" %", "list [] %"},
        {"LIST \"\" \"a/%\"", "list [] a/%"},
        {"LIST a/ b*", "list [a/] b*"},
        {"LIST \"\" {1}\r\n*", "list [] *"},
        {"LIST \"\" inbox", "list [] INBOX"},
        {"LIST \"\" &APw-*", "list [] \xC3\xBC*"},
        {"LIST \"\" &*", "BAD"},
        {"LIST \"\"", "BAD"},
        {"LIST * *", "BAD"},
        {"LIST (SUBSCRIBED) \"\" *", "list only-subscribed [] *"},
        {"LIST () \"\" *", "list [] *"},
        {"LIST (SPECIAL-USE) \"\" *", "list only-special-use [] *"},
        {"LIST (SUBSCRIBED RECURSIVEMATCH) \"\" *", "list only-subscribed recursive [] *"},
        {"LIST (RECURSIVEMATCH) \"\" *", "BAD"},
        {"LIST (REMOTE) \"\" *", "list [] *"},
        {"LIST (FOO) \"\" *", "BAD"},
        {"LIST \"\" (a b*)", "list [] a b*"},
        {"LIST \"\" ()", "BAD"},
        {"LIST \"\" * RETURN (SUBSCRIBED CHILDREN)", "list [] * +subscribed +children"},
        {"LIST \"\" * RETURN (SPECIAL-USE)", "list [] * +special-use"},
        {"LIST \"\" * RETURN ()", "list [] *"},
        {"LIST \"\" * RETURN (STATUS (MESSAGES UNSEEN) CHILDREN)", "list [] * +children +status(MESSAGES UNSEEN)"},
        {"LIST \"\" * RETURN (STATUS)", "BAD"},
        {"LIST \"\" * RETURN", "BAD"},
        {"LIST \"\" * FOO", "BAD"},
        {"LSUB \"\" *", "lsub [] *"},
        {"LSUB \"\" (a b)", "BAD"},
        {"LSUB \"\"", "BAD"},
    });
}

TEST_CASE("sequence sets") {
    run({
        {"FETCH 1 FLAGS", "fetch 1 flags"},
        {"FETCH 1,2,5 FLAGS", "fetch 1,2,5 flags"},
        {"FETCH 1:* FLAGS", "fetch 1:* flags"},
        {"FETCH *:1 FLAGS", "fetch *:1 flags"},
        {"FETCH * FLAGS", "fetch * flags"},
        {"FETCH 5:2 FLAGS", "fetch 5:2 flags"},
        {"FETCH 4294967295 FLAGS", "fetch 4294967295 flags"},
        {"FETCH 4294967296 FLAGS", "BAD"},
        {"FETCH 18446744073709551616 FLAGS", "BAD"},
        {"FETCH 18446744073709551617 FLAGS", "BAD"},
        {"FETCH 1:18446744073709551617 FLAGS", "BAD"},
        {"FETCH 0 FLAGS", "BAD"},
        {"FETCH 01 FLAGS", "BAD"},
        {"FETCH 1:0 FLAGS", "BAD"},
        {"FETCH -1 FLAGS", "BAD"},
        {"FETCH 1, FLAGS", "BAD"},
        {"FETCH ,1 FLAGS", "BAD"},
        {"FETCH 1,,2 FLAGS", "BAD"},
        {"FETCH 1: FLAGS", "BAD"},
        {"FETCH :1 FLAGS", "BAD"},
        {"FETCH 1:2:3 FLAGS", "BAD"},
        {"FETCH ** FLAGS", "BAD"},
        {"FETCH $ FLAGS", "BAD"},
    });
}

TEST_CASE("FETCH items") {
    run({
        {"FETCH 1 ALL", "fetch 1 flags date size envelope"},
        {"FETCH 1 FAST", "fetch 1 flags date size"},
        {"FETCH 1 FULL", "fetch 1 flags date size envelope body"},
        {"FETCH 1 full", "fetch 1 flags date size envelope body"},
        {"FETCH 1 (ALL)", "BAD"},
        {"FETCH 1 (FLAGS UID)", "fetch 1 flags uid"},
        {"FETCH 1 (FLAGS FLAGS)", "fetch 1 flags"},
        {"UID FETCH 1 FLAGS", "uid fetch 1 uid flags"},
        {"UID FETCH 1 (FLAGS UID)", "uid fetch 1 flags uid"},
        {"FETCH 1 INTERNALDATE", "fetch 1 date"},
        {"FETCH 1 RFC822", "fetch 1 rfc822"},
        {"FETCH 1 RFC822.SIZE", "fetch 1 size"},
        {"FETCH 1 RFC822.HEADER", "fetch 1 rfc822.header"},
        {"FETCH 1 RFC822.TEXT", "fetch 1 rfc822.text"},
        {"FETCH 1 ENVELOPE", "fetch 1 envelope"},
        {"FETCH 1 BODY", "fetch 1 body"},
        {"FETCH 1 BODYSTRUCTURE", "fetch 1 bodystructure"},
        {"FETCH 1 BODY[]", "fetch 1 []"},
        {"FETCH 1 body.peek[]", "fetch 1 peek[]"},
        {"FETCH 1 BODY[TEXT]", "fetch 1 [TEXT]"},
        {"FETCH 1 BODY[HEADER]", "fetch 1 [HEADER]"},
        {"FETCH 1 BODY[1]", "fetch 1 [1]"},
        {"FETCH 1 BODY[1.2.3]", "fetch 1 [1.2.3]"},
        {"FETCH 1 BODY[1.MIME]", "fetch 1 [1.MIME]"},
        {"FETCH 1 BODY[1.HEADER]", "fetch 1 [1.HEADER]"},
        {"FETCH 1 BODY[MIME]", "BAD"},
        {"FETCH 1 BODY[HEADER.FIELDS (From To)]", "fetch 1 [HEADER.FIELDS (From To)]"},
        {"FETCH 1 BODY[HEADER.FIELDS (\"a b\" {2}\r\nxy)]", "fetch 1 [HEADER.FIELDS (\"a b\" xy)]"},
        {"FETCH 1 BODY.PEEK[2.HEADER.FIELDS.NOT (X)]", "fetch 1 peek[2.HEADER.FIELDS.NOT (X)]"},
        {"FETCH 1 BODY[HEADER.FIELDS ()]", "BAD"},
        {"FETCH 1 BODY[HEADER.FIELDS]", "BAD"},
        {"FETCH 1 BODY[HEADER.FIELDS (a]", "BAD"},
        {"FETCH 1 BODY[]<0.100>", "fetch 1 []<0.100>"},
        {"FETCH 1 BODY[]<4294967296.9223372036854775807>", "fetch 1 []<4294967296.9223372036854775807>"},
        {"FETCH 1 BODY[]<0.9223372036854775808>", "BAD"},
        {"FETCH 1 BODY[]<0.0>", "BAD"},
        {"FETCH 1 BODY[]<0>", "BAD"},
        {"FETCH 1 BODY[]<0.1", "BAD"},
        {"FETCH 1 BODY[0]", "BAD"},
        {"FETCH 1 BODY[1.]", "BAD"},
        {"FETCH 1 BODY[1..2]", "BAD"},
        {"FETCH 1 BODY[.1]", "BAD"},
        {"FETCH 1 BODY[4294967296]", "BAD"},
        {"FETCH 1 BODY[FOO]", "BAD"},
        {"FETCH 1 BODY[", "BAD"},
        {"FETCH 1 BODY.PEEK", "BAD"},
        {"FETCH 1 BODY[" + repeat("1.", 100) + "1]", "BAD"},
        {"FETCH 1 ()", "BAD"},
        {"FETCH 1", "BAD"},
        {"FETCH 1 FOO", "BAD"},
        {"FETCH 1 (FLAGS", "BAD"},
        {"FETCH 1 (FLAGS )", "BAD"},
        {"FETCH 1 FLAGS UID", "BAD"},
        {"FETCH 1 (BODY[1] BODY[1]<0.5>)", "fetch 1 [1] [1]<0.5>"},
    });
}

TEST_CASE("STORE, COPY, MOVE") {
    run({
        {"STORE 1 FLAGS (\\Seen)", "store 1 flags(\\Seen)"},
        {"STORE 1 +FLAGS (\\Seen \\Deleted)", "store 1 +flags(\\Deleted \\Seen)"},
        {"STORE 1 -FLAGS.SILENT (\\seen $Junk)", "store 1 -silent(\\Seen $Junk)"},
        {"STORE 1 +FLAGS \\Seen", "store 1 +flags(\\Seen)"},
        {"STORE 1 +FLAGS \\Seen \\Draft", "store 1 +flags(\\Seen \\Draft)"},
        {"STORE 1 FLAGS ()", "store 1 flags()"},
        {"STORE 1 FLAGS (a A b)", "store 1 flags(a b)"},
        {"UID STORE 7 FLAGS.SILENT ()", "uid store 7 silent()"},
        {"STORE 1 FLAGS (\\Recent)", "BAD"},
        {"STORE 1 FLAGS (\\Foo)", "BAD"},
        {"STORE 1 FLAGS (\\)", "BAD"},
        {"STORE 1 FLAGS", "BAD"},
        {"STORE 1 FLAGS (a", "BAD"},
        {"STORE 1 FOO (a)", "BAD"},
        {"STORE 1 *FLAGS (a)", "BAD"},
        {"STORE 1 FLAGS (" + std::string(256, 'k') + ")", "BAD"},
        {"STORE 1 FLAGS (a\xC3\xA4)", "BAD"},
        {"COPY 1:2 Trash", "copy 1:2 Trash"},
        {"UID COPY 1 \"a b\"", "uid copy 1 a b"},
        {"COPY 1", "BAD"},
        {"MOVE 1 Trash", "move 1 Trash"},
        {"UID MOVE 1:* inbox", "uid move 1:* INBOX"},
    });
}

TEST_CASE("SEARCH keys") {
    run({
        {"SEARCH ALL", "search (and all)"},
        {"UID SEARCH ALL", "uid search (and all)"},
        {"SEARCH ANSWERED DELETED DRAFT FLAGGED SEEN", "search (and Answered Deleted Draft Flagged Seen)"},
        {"SEARCH UNANSWERED UNDELETED UNDRAFT UNFLAGGED UNSEEN", "search (and unAnswered unDeleted unDraft unFlagged unSeen)"},
        {"SEARCH NEW OLD RECENT", "search (and new old recent)"},
        {"SEARCH KEYWORD $Junk UNKEYWORD x", "search (and keyword=$Junk unkeyword=x)"},
        {"SEARCH BCC a CC b FROM c TO d SUBJECT \"e f\"", "search (and bcc=a cc=b from=c to=d subject=e f)"},
        {"SEARCH BODY {3}\r\na\"b", "search (and body=a\"b)"},
        {"SEARCH TEXT \"\"", "search (and text=)"},
        {"SEARCH HEADER X-A \"\"", "search (and header:X-A=)"},
        {"SEARCH BEFORE 1-Feb-1994", "search (and before=8797)"},
        {"SEARCH ON \"01-feb-1994\"", "search (and on=8797)"},
        {"SEARCH SINCE 1-Jan-1970", "search (and since=0)"},
        {"SEARCH SENTBEFORE 1-Jan-1970 SENTON 2-Jan-1970 SENTSINCE 3-Jan-1970", "search (and sentbefore=0 senton=1 sentsince=2)"},
        {"SEARCH SINCE 30-Feb-2026", "BAD"},
        {"SEARCH SINCE 1-Foo-2026", "BAD"},
        {"SEARCH SINCE 1-Feb-26", "BAD"},
        {"SEARCH SINCE \"1-Feb-1994", "BAD"},
        {"SEARCH SINCE", "BAD"},
        {"SEARCH LARGER 100 SMALLER 200", "search (and larger=100 smaller=200)"},
        {"SEARCH LARGER 9223372036854775808", "BAD"},
        {"SEARCH LARGER x", "BAD"},
        {"SEARCH UID 1:5,9", "search (and uid=1:5,9)"},
        {"SEARCH 1:5,9", "search (and seq=1:5,9)"},
        {"SEARCH *", "search (and seq=*)"},
        {"SEARCH NOT SEEN", "search (and (not Seen))"},
        {"SEARCH OR SEEN NOT FLAGGED", "search (and (or Seen (not Flagged)))"},
        {"SEARCH OR (SEEN FLAGGED) (1:2)", "search (and (or (and Seen Flagged) (and seq=1:2)))"},
        {"SEARCH (SEEN) (FLAGGED)", "search (and (and Seen) (and Flagged))"},
        {"SEARCH ((SEEN))", "search (and (and (and Seen)))"},
        {"SEARCH CHARSET utf-8 SUBJECT {2}\r\n\xC3\xA4", "search UTF-8 (and subject=\xC3\xA4)"},
        {"SEARCH CHARSET UTF-8", "BAD"},
        {"SEARCH", "BAD"},
        {"SEARCH ", "BAD"},
        {"SEARCH ()", "BAD"},
        {"SEARCH (SEEN", "BAD"},
        {"SEARCH SEEN)", "BAD"},
        {"SEARCH SEEN ", "BAD"},
        {"SEARCH OR SEEN", "BAD"},
        {"SEARCH NOT", "BAD"},
        {"SEARCH FOO", "BAD"},
        {"SEARCH HEADER x", "BAD"},
        {"SEARCH KEYWORD \"a\"", "BAD"},
        {"SEARCH KEYWORD \\Seen", "BAD"},
        // TESTCARD C6: no depth a client chooses becomes depth of our stack.
        {"SEARCH " + repeat("(", 30'000), "BAD"},
        {"SEARCH " + repeat("(", 30'000) + "ALL" + repeat(")", 30'000), "BAD"},
        {"SEARCH " + repeat("NOT ", 15'000) + "ALL", "BAD"},
        {"SEARCH " + repeat("OR ALL ", 8'000) + "ALL", "BAD"},
        {"SEARCH " + repeat("ALL ", 20'000) + "ALL", "BAD"},
    });
    CHECK(describe(parse_command("a SEARCH " + repeat("OR ALL ", 100) + "ALL")).starts_with("search"));
}

TEST_CASE("APPEND up to its message") {
    const std::vector<Case> cases = {
        {"a APPEND INBOX {310}\r\n", "append INBOX () -1 310"},
        {"a APPEND inbox {310+}\r\n", "append INBOX () -1 310+"},
        {"a append \"a b\" (\\Seen x) {0}\r\n", "append a b (\\Seen x) -1 0"},
        {"a APPEND a () {1}\r\n", "append a () -1 1"},
        {"a APPEND a \" 1-Jan-1970 00:00:00 +0000\" {1}\r\n", "append a () 0 1"},
        {"a APPEND a (\\Draft) \"17-Jul-1996 02:44:25 -0700\" {1}\r\n", "append a (\\Draft) 837596665 1"},
        {"a APPEND {1}\r\na {5}\r\n", "append a () -1 5"},
        {"a APPEND {5}\r\n", "name"},
        {"a APPEND {5+}\r\n", "name"},
        {"a APPEND a \"17-Jul-1996 02:44:25 PDT\" {1}\r\n", "bad"},
        {"a APPEND a \"32-Jul-1996 02:44:25 +0000\" {1}\r\n", "bad"},
        {"a APPEND a \"17-Jul-1996 25:44:25 +0000\" {1}\r\n", "bad"},
        {"a APPEND a (\\Recent) {1}\r\n", "bad"},
        {"a APPEND a&b {1}\r\n", "bad"},
        {"a APPEND a x {1}\r\n", "bad"},
        {"a APPEND a (x){1}\r\n", "bad"},
        {"a APPEND a {1}", "bad"},
        {"a APPEND", "bad"},
    };
    for (const Case& c : cases) {
        INFO(c.text);
        const AppendHead head = parse_append_head(c.text);
        const std::string got = head.state == AppendHead::State::message_follows ? Describer()(head.append)
                                : head.state == AppendHead::State::name_follows  ? "name" : "bad";
        CHECK(got == c.expect);
        CHECK(head.tag == "a");
    }
    run({{"APPEND INBOX", "BAD"}, {"APPEND INBOX (\\Seen)", "BAD"}, {"APPEND INBOX {1}\r\nx", "BAD"}});
}

TEST_CASE("every verb is in the table once, with its states") {
    for (const Verb& verb : verbs()) {
        INFO(verb.name);
        CHECK(verb.states != 0);
        CHECK(std::count_if(verbs().begin(), verbs().end(), [&](const Verb& v) { return v.name == verb.name; }) == 1);
        CHECK((!verb.has_uid_form || verb.states == selected));
    }
}
