#include "libmail/mime.h"
#include "libcommon/text.h"
#include "libmail/bodystructure.h"
#include "libmail/envelope.h"
#include "libmail/section.h"
#include "imap_syntax.h"
#include "testdata.h"

using namespace postern;
using namespace postern::mail;

namespace {

std::string describe(const Structure& structure, PartIndex index = 0) {
    const Part& part = structure.parts[index];
    const MediaType media = media_type(part);
    std::string out = std::string(media.type) + "/" + std::string(media.subtype);
    if (part.first_child == no_part) return out + ":" + std::to_string(part.body_size()) + ":" + std::to_string(part.body_lines);
    out += "(";
    for (PartIndex child = part.first_child; child != no_part; child = structure.parts[child].next_sibling)
        out += (child == part.first_child ? "" : " ") + describe(structure, child);
    return out + ")";
}

// What every structure promises, whatever the message was.
void check_promises(const Structure& structure) {
    const std::size_t size = structure.message.size();
    REQUIRE(!structure.parts.empty());
    REQUIRE(structure.parts.size() <= Structure::max_parts);
    bool sound = true;
    for (std::size_t i = 0; i < structure.parts.size(); ++i) {
        const Part& part = structure.parts[i];
        sound &= part.header_begin <= part.body_begin && part.body_begin <= part.body_end && part.body_end <= size;
        sound &= part.depth <= Structure::max_depth && part.body_lines <= part.body_size();
        if (i > 0) {
            const Part& parent = structure.parts[part.parent];
            sound &= part.parent < i && part.header_begin >= structure.parts[i - 1].header_begin;
            sound &= part.header_begin >= parent.body_begin && part.body_end <= parent.body_end;
        }
        if (part.next_sibling != no_part) sound &= structure.parts[part.next_sibling].header_begin >= part.body_end;
    }
    CHECK(sound);
    CHECK(structure.root().body_end == size);
}

std::string section(const Structure& structure, Section what) {
    const auto bytes = resolve_section(structure, what);
    return bytes ? std::string(bytes->bytes()) : "none";
}

constexpr std::string_view nested =
    "From: a@b.org\r\n"
    "Subject: outer\r\n"
    "Content-Type: multipart/mixed; boundary=\"x\"\r\n"
    "\r\n"
    "preamble\r\n"
    "--x\r\n"
    "\r\n"
    "first\r\n"
    "--x\r\n"
    "Content-Type: message/rfc822\r\n"
    "\r\n"
    "Subject: inner\r\n"
    "Content-Type: multipart/alternative; boundary=xy\r\n"
    "\r\n"
    "--xy\r\n"
    "Content-Type: text/html\r\n"
    "\r\n"
    "<p>\r\n"
    "</p>\r\n"
    "\r\n"
    "--xy--\r\n"
    "--x--\r\n"
    "epilogue\r\n";

struct Case { std::string_view message, expect; };
constexpr Case structures[] = {
    {"", "text/plain:0:0"},
    {"\r\n", "text/plain:0:0"},
    {"Subject: x", "text/plain:0:0"},
    {"Subject: x\r\n\r\nbody\r\n", "text/plain:6:1"},
    {"Subject: x\n\nbody\n", "text/plain:5:1"},
    {"Content-Type: image/png\r\n\r\nxy", "image/png:2:0"},
    {"Content-Type: nonsense\r\n\r\nxy", "text/plain:2:0"},
    {"Content-Type: multipart/mixed\r\n\r\n--x\r\n", "application/octet-stream:5:1"},   // no boundary
    {"Content-Type: multipart/mixed; boundary=x\r\n\r\nno parts\r\n", "multipart/mixed:10:1"},
    {"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x", "multipart/mixed(text/plain:0:0)"},
    {"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\na\r\n--x\r\n\r\nb", "multipart/mixed(text/plain:1:0 text/plain:1:0)"},
    {"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n--x\r\n--x--", "multipart/mixed(text/plain:0:0 text/plain:0:0)"},
    {"Content-Type: multipart/mixed; boundary=x\n\n--x\n\na\nb\n--x--\n", "multipart/mixed(text/plain:3:1)"},
    {"Content-Type: multipart/digest; boundary=x\r\n\r\n--x\r\n\r\nSubject: s\r\n\r\nb\r\n--x--", "multipart/digest(message/rfc822(text/plain:1:0))"},
    {"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n--x--\r\n", "multipart/mixed(text/html:0:0)"},   // a header without a body
    {"Content-Type: message/rfc822\r\n\r\nSubject: y\r\n\r\nz\r\n", "message/rfc822(text/plain:3:1)"},
    {"Content-Type: message/rfc822\r\n\r\n", "message/rfc822(text/plain:0:0)"},
    {nested, "multipart/mixed(text/plain:5:0 message/rfc822(multipart/alternative(text/html:11:2)))"},
};

} // namespace

TEST_CASE("structures of messages") {
    for (const Case& c : structures) {
        INFO(c.message);
        const Structure structure = parse_structure(c.message);
        CHECK(describe(structure) == c.expect);
        check_promises(structure);
        CHECK(testing::is_one_list(bodystructure_text(structure)));
        CHECK(testing::is_one_list(body_text(structure)));
    }
}

TEST_CASE("sections: RFC 9051 section 6.4.5.1") {
    using What = Section::What;
    const Structure structure = parse_structure(nested);
    const struct { Section section; std::string_view expect; } cases[] = {
        {{What::all, {}, {}}, nested},
        {{What::all, {1}, {}}, "first"},
        {{What::mime, {1}, {}}, "\r\n"},
        {{What::mime, {2}, {}}, "Content-Type: message/rfc822\r\n\r\n"},
        {{What::header, {2}, {}}, "Subject: inner\r\nContent-Type: multipart/alternative; boundary=xy\r\n\r\n"},
        {{What::text, {2, 1}, {}}, "none"},
        {{What::all, {2, 1}, {}}, "<p>\r\n</p>\r\n"},
        {{What::mime, {2, 1}, {}}, "Content-Type: text/html\r\n\r\n"},
        {{What::header, {1}, {}}, "none"},
        {{What::all, {3}, {}}, "none"},
        {{What::all, {0}, {}}, "none"},
        {{What::all, {1, 1}, {}}, "none"},
        {{What::all, {2, 1, 1}, {}}, "none"},
        {{What::header_fields, {}, {"subject", "X"}}, "Subject: outer\r\n\r\n"},
        {{What::header_fields_not, {}, {"CONTENT-TYPE", "from"}}, "Subject: outer\r\n\r\n"},
        {{What::header_fields, {2}, {"Subject"}}, "Subject: inner\r\n\r\n"},
        {{What::header_fields, {}, {"None"}}, "\r\n"},
    };
    for (const auto& c : cases) {
        INFO(section_text(c.section));
        CHECK(section(structure, c.section) == c.expect);
    }
    CHECK(section_text({What::header_fields, {1, 2}, {"From", "a b"}}) == "1.2.HEADER.FIELDS (From \"a b\")");

    const Structure plain = parse_structure("Subject: x\r\n\r\nbody\r\n");
    CHECK(section(plain, {What::all, {1}, {}}) == "body\r\n");
    CHECK(section(plain, {What::text, {}, {}}) == "body\r\n");
    CHECK(section(plain, {What::mime, {1}, {}}) == "Subject: x\r\n\r\n");
    CHECK(section(plain, {What::all, {1, 1}, {}}) == "none");
}

TEST_CASE("BODYSTRUCTURE says what RFC 9051 section 7.5.2 wants") {
    CHECK(bodystructure_text(parse_structure("Content-Type: text/plain; format=flowed\r\nContent-ID: <1>\r\n"
                                             "Content-Disposition: inline; filename=a\r\nContent-Language: en, de\r\n\r\nx\r\n")) ==
          "(\"text\" \"plain\" (\"format\" \"flowed\" \"charset\" \"us-ascii\") \"<1>\" NIL \"7bit\" 3 1 NIL "
          "(\"inline\" (\"filename\" \"a\")) (\"en\" \"de\") NIL)");
    CHECK(body_text(parse_structure(nested)) ==
          "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 5 0)(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 120 "
          "(NIL \"inner\" NIL NIL NIL NIL NIL NIL NIL NIL) ((\"text\" \"html\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 11 2) "
          "\"alternative\") 9) \"mixed\")");
}

TEST_CASE("depth and number of parts are bounded (TESTCARD C2)") {
    std::string deep, many = "Content-Type: multipart/mixed; boundary=x\r\n\r\n", rfc822;
    for (int i = 0; i < 5'000; ++i) {
        const std::string b = "b" + std::to_string(i);
        deep += "Content-Type: multipart/mixed; boundary=" + b + "\r\n\r\n--" + b + "\r\n";
        rfc822 += "Content-Type: message/rfc822\r\n\r\n";
    }
    for (int i = 0; i < 50'000; ++i) many += "--x\r\n\r\na\r\n";
    for (const std::string& message : {deep, many, rfc822}) {
        const Structure structure = parse_structure(message);
        check_promises(structure);
        CHECK(testing::is_one_list(bodystructure_text(structure)));
    }
}

TEST_CASE("every public message has a sound structure, envelope and body structure") {
    std::size_t messages = 0;
    for (const char* set : {"mime", "corpus"}) {
        for (const auto& path : testing::files_below(testing::testdata() / set)) {
            const std::string message = testing::read_file(path);
            INFO(path.string());
            const Structure structure = parse_structure(message);
            check_promises(structure);
            CHECK(testing::is_one_list(bodystructure_text(structure)));
            CHECK(testing::is_one_list(body_text(structure)));
            CHECK(testing::is_one_list(envelope_text(message)));
            const auto [header, body] = split_header(message);
            CHECK(header == structure.header(structure.root()));
            CHECK(body == structure.body(structure.root()));
            ++messages;
        }
    }
    CHECK(messages > 1'300);
}
