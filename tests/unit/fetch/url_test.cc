#include "fetch/url.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::fetch;

TEST_CASE("URLs of https and a name, and no others") {
    struct Case {
        std::string text, host;          // empty: refused
        std::uint16_t port = 443;
    };
    const Case cases[] = {
        {"https://mta-sts.example.com/.well-known/mta-sts.txt", "mta-sts.example.com"},
        {"HTTPS://Example.COM", "example.com"},
        {"https://example.com:8443/a?b=c#d", "example.com", 8443},
        {"https://under_score.example.com/", "under_score.example.com"},
        {"http://example.com/", ""},
        {"ftp://example.com/", ""},
        {"file:///etc/passwd", ""},
        {"example.com/", ""},
        {"", ""},
        {"https://", ""},
        {"https:///path", "path"},                   // what libcurl makes of it is what is connected to
        {"https://user@example.com/", ""},
        {"https://user:secret@example.com/", ""},
        {"https://127.0.0.1/", ""},
        {"https://127.1/", ""},
        {"https://2130706433/", ""},
        {"https://0x7f000001/", ""},
        {"https://0177.0.0.1/", ""},
        {"https://[::1]/", ""},
        {"https://[::ffff:127.0.0.1]/", ""},
        {"https://example.com./", ""},
        {"https://exam ple.com/", ""},
        {"https://example.com:0/", ""},
        {"https://example.com:65536/", ""},
        {"https://ex\xc3\xa4mple.com/", ""},
    };
    for (const Case& c : cases) {
        INFO(c.text);
        const auto url = parse_url(c.text);
        CHECK(url.ok() == !c.host.empty());
        if (!url) continue;
        CHECK(url->host == c.host);
        CHECK(url->port == c.port);
        CHECK(url->text.find('#') == std::string::npos);
    }
}
