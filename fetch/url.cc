#include "fetch/url.h"

#include "libcommon/network.h"
#include "libcommon/owned.h"
#include "libcommon/text.h"

#include <algorithm>
#include <curl/curl.h>
#include <utility>

namespace postern::fetch {
namespace {

using Handle = Owned<CURLU, curl_url_cleanup>;
using Part = Owned<char, curl_free>;

std::string part(const Handle& url, CURLUPart which, unsigned flags = 0) {
    char* found = nullptr;
    if (curl_url_get(url.get(), which, &found, flags) != CURLUE_OK) return {};
    return Part(found).get();
}

// Letters, digits, hyphens and, of some policy hosts, underscores; a name that ends in a dot has two spellings of one host.
bool is_dns_name(std::string_view host) {
    constexpr std::size_t longest = 253;
    if (host.empty() || host.size() > longest || host.front() == '.' || host.back() == '.') return false;
    return std::all_of(host.begin(), host.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
    });
}

} // namespace

Result<Url> parse_url(const std::string& text) {
    const Handle parsed(curl_url());
    if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, text.c_str(), CURLU_DISALLOW_USER) != CURLUE_OK)
        return Error(Errc::invalid, "no URL");
    if (part(parsed, CURLUPART_SCHEME) != "https") return Error(Errc::invalid, "not https");
    Url url;
    url.host = ascii_lower(part(parsed, CURLUPART_HOST));
    if (!is_dns_name(url.host) || IpAddress::parse(url.host)) return Error(Errc::invalid, "its host is no name of the DNS");
    const auto port = parse_number(part(parsed, CURLUPART_PORT, CURLU_DEFAULT_PORT), UINT16_MAX);
    if (!port || *port == 0) return Error(Errc::invalid, "no port");
    url.port = static_cast<std::uint16_t>(*port);
    curl_url_set(parsed.get(), CURLUPART_FRAGMENT, nullptr, 0);
    url.text = part(parsed, CURLUPART_URL);
    return url;
}

} // namespace postern::fetch
