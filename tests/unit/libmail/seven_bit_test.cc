// Messages in seven bits: what is encoded, what stands, what has no such form; and the real messages of the testdata.
#include "libmail/seven_bit.h"
#include "libcommon/text.h"
#include "libmail/chars.h"
#include "libmail/headers.h"
#include "libmail/transfer.h"
#include "tests/unit/libmail/testdata.h"

using namespace postern;
using namespace postern::mail;

namespace {

std::string read_all(SevenBitForm& form) {
    std::string out;
    while (form.read(out)) {}
    return out;
}

std::string converted(std::string_view message) {
    auto form = SevenBitForm::of(message);
    if (!form) return "none: " + form.error().message();
    const std::string out = read_all(*form);
    CHECK(out.size() == form->size());
    form->rewind();
    CHECK(read_all(*form) == out);                       // as often as there are hosts
    return out;
}

// Lines end in CRLF there, whatever they ended in on somebody's disk.
std::string as_queued(const std::string& file) {
    std::string out;
    for (const char c : file)
        if (c == '\n') out += out.ends_with('\r') ? "\n" : "\r\n";
        else out += c;
    return out;
}

bool is_ascii(std::string_view text) { return std::none_of(text.begin(), text.end(), is_eight_bit); }

} // namespace

TEST_CASE("text becomes quoted-printable, everything else base64") {
    CHECK(converted("Content-Type: text/plain; charset=utf-8\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\nSubject: x\r\n\r\ngrüße\r\n") ==
          "Content-Type: text/plain; charset=utf-8\r\nMIME-Version: 1.0\r\nSubject: x\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ngr=C3=BC=C3=9Fe\r\n");
    CHECK(converted("MIME-Version: 1.0\r\nContent-Type: image/png\r\ncontent-transfer-encoding:\r\n binary\r\n\r\n\xFF\x01\n\r\n") ==
          "MIME-Version: 1.0\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n/wEKDQo=\r\n");
}

TEST_CASE("a body without a type gets one that says nothing is known (RFC 1428)") {
    CHECK(converted("Subject: x\r\n\r\n\xE4\r\n") ==
          "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=unknown-8bit\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=E4\r\n");
}

TEST_CASE("parts are encoded, what holds them says 7bit, the rest stands") {
    const std::string message = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: 8bit\r\n\r\npre\xE4mble\r\n"
                                "--b\r\n\r\nplain\r\n"
                                "--b\r\nContent-Type: text/html; charset=latin1\r\n\r\n\xE4\r\n"
                                "--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: in\r\nContent-Type: text/plain\r\nMIME-Version: 1\r\n\r\n\xF6\r\n"
                                "--b\r\nContent-Type: a/b\r\nContent-Transfer-Encoding: base64\r\n\r\nAA\xE4==\r\n"
                                "--b--\r\n";
    CHECK(converted(message) ==
          "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: 7bit\r\n\r\npre?mble\r\n"
          "--b\r\n\r\nplain\r\n"
          "--b\r\nContent-Type: text/html; charset=latin1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=E4\r\n"
          "--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n\r\nSubject: in\r\nContent-Type: text/plain\r\nMIME-Version: 1\r\n"
          "Content-Transfer-Encoding: quoted-printable\r\n\r\n=F6\r\n"
          "--b\r\nContent-Type: a/b\r\nContent-Transfer-Encoding: base64\r\n\r\nAA?==\r\n"
          "--b--\r\n");
}

TEST_CASE("what has no form in seven bits says why") {
    CHECK(converted("Subject: \xE4\r\n\r\nx\r\n") == "none: a header has octets beyond ASCII");
    CHECK(converted("Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\n\xE4\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--b--\r\n") ==
          "none: a signed part cannot be encoded");
    CHECK(converted("Content-Type: message/partial; id=x\r\n\r\n\xE4\r\n") == "none: a part of type message/partial cannot be encoded");
}

TEST_CASE("long bodies go in blocks, and come back the same") {
    std::string text;
    for (int i = 0; i < 30'000; ++i) text += i % 7 == 0 ? "\xC3\xA4 \t\r\n" : i % 11 == 0 ? "line\r\n" : "x ";
    const bool binary = GENERATE(false, true);
    if (binary) text.insert(70'000, 1, '\0');
    const std::string head = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n";
    const std::string out = converted(head + "\r\n" + text);
    const auto body = out.find("\r\n\r\n") + 4;
    const std::string_view encoded = std::string_view(out).substr(body);
    CHECK((binary ? decode_base64(encoded) : decode_quoted_printable(encoded)) == text);
    for (std::size_t at = 0; at < encoded.size();) {
        const auto end = std::min(encoded.find("\r\n", at), encoded.size());
        REQUIRE(end - at <= 76);
        at = end + 2;
    }
}

TEST_CASE("real messages: all of it ASCII, the parts and what they decode to the same") {
    std::size_t changed = 0;
    for (const char* folder : {"corpus", "mime"}) {
        for (const auto& file : testing::files_below(testing::testdata() / folder)) {
            const std::string message = as_queued(testing::read_file(file));
            auto form = SevenBitForm::of(message);
            if (!form || is_ascii(message) || file.extension() == ".md") continue;
            const std::string out = read_all(*form);
            INFO(file.string());
            REQUIRE(is_ascii(out));
            REQUIRE(out.size() == form->size());
            const Structure before = parse_structure(message), after = parse_structure(out);
            REQUIRE(before.parts.size() == after.parts.size());
            for (std::size_t i = 0; i < before.parts.size(); ++i) {
                const Part &was = before.parts[i], &is = after.parts[i];
                if (was.kind != Part::Kind::leaf || iequals(unfold(was.encoding), unfold(is.encoding))) continue;
                ++changed;
                REQUIRE(decode_transfer(after.body(is), unfold(is.encoding)) == before.body(was));
            }
        }
    }
    CHECK(changed > 30);
}
