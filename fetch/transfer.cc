#include "fetch/transfer.h"

#include "fetch/address_rules.h"
#include "libcommon/text.h"

#include <algorithm>
#include <iterator>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdexcept>
#include <sys/socket.h>

namespace postern::fetch {
namespace {

using ipc::HttpStatus;

constexpr std::size_t max_headers = 64 * 1024;

struct Meaning {
    CURLcode result;
    HttpStatus status;
};
constexpr Meaning meanings[] = {
    {CURLE_OK, HttpStatus::answered},
    {CURLE_COULDNT_RESOLVE_HOST, HttpStatus::no_address},
    {CURLE_COULDNT_CONNECT, HttpStatus::unreachable},
    {CURLE_GOT_NOTHING, HttpStatus::unreachable},
    {CURLE_SEND_ERROR, HttpStatus::unreachable},
    {CURLE_RECV_ERROR, HttpStatus::unreachable},
    {CURLE_PARTIAL_FILE, HttpStatus::unreachable},
    {CURLE_PEER_FAILED_VERIFICATION, HttpStatus::not_trusted},
    {CURLE_SSL_CONNECT_ERROR, HttpStatus::tls_failed},
    {CURLE_SSL_CIPHER, HttpStatus::tls_failed},
    {CURLE_OPERATION_TIMEDOUT, HttpStatus::timed_out},
    {CURLE_FILESIZE_EXCEEDED, HttpStatus::too_large},
};

std::string resolve_entry(const Url& url, const std::vector<IpAddress>& addresses) {
    std::string entry = "+" + url.host + ":" + std::to_string(url.port) + ":";       // '+': forgotten after a while
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        const std::string text = addresses[i].text();
        entry += (i == 0 ? "" : ",") + (addresses[i].is_v4() ? text : "[" + text + "]");
    }
    return entry;
}

} // namespace

Transfer::Transfer(Web& web, const Rules& rules, const ipc::HttpRequest& request, const Url& url, const std::vector<IpAddress>& addresses,
                   std::chrono::milliseconds timeout, std::function<void(const ipc::HttpReply&)> done)
    : web_(web), rules_(rules), url_(url), max_body_(std::min<std::size_t>(request.max_body, ipc::max_http_body)), done_(std::move(done)),
      easy_(curl_easy_init()), sent_(request.body.view()) {
    addresses_.reset(curl_slist_append(nullptr, resolve_entry(url_, addresses).c_str()));
    set(CURLOPT_URL, url_.text.c_str());
    set(CURLOPT_RESOLVE, addresses_.get());
    set(CURLOPT_ERRORBUFFER, problem_);
    refuse_the_surroundings();
    set_tls();
    set_request(request);
    set_bounds(timeout);
    web_.begin(easy_.get(), [this](CURLcode result) { finish(result); });
}

Transfer::~Transfer() { web_.end(easy_.get()); }

// An option that is not taken would be a rule that does not hold.
template <class T> void Transfer::set(CURLoption option, T value) {
    if (curl_easy_setopt(easy_.get(), option, value) != CURLE_OK) throw std::runtime_error("libcurl refuses option " + std::to_string(option));
}

void Transfer::refuse_the_surroundings() {
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_PROTOCOLS_STR, "https");
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_PROXY, "");                              // and none from the environment
    set(CURLOPT_FRESH_CONNECT, 1L);                      // a connection is one request's: what it proved, it proved to that one
    set(CURLOPT_FORBID_REUSE, 1L);
    set(CURLOPT_RESOLVER_START_FUNCTION, &Transfer::no_resolver);
    set(CURLOPT_OPENSOCKETFUNCTION, &Transfer::open_socket);
    set(CURLOPT_OPENSOCKETDATA, this);
}

void Transfer::set_tls() {
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(CURLOPT_SSL_SESSIONID_CACHE, 0L);
    set(CURLOPT_CAINFO, static_cast<const char*>(nullptr));      // no file: the authorities are those of prepare_tls()
    set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    set(CURLOPT_SSL_CTX_FUNCTION, &Transfer::prepare_tls);
    set(CURLOPT_SSL_CTX_DATA, this);
}

void Transfer::set_request(const ipc::HttpRequest& request) {
    set(CURLOPT_USERAGENT, "postern");
    if (request.method != ipc::HttpMethod::post) return;
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDS, sent_.data());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(sent_.size()));
    headers_.reset(curl_slist_append(nullptr, ("Content-Type: " + printable(request.content_type.view())).c_str()));
    curl_slist_append(headers_.get(), "Expect:");        // no waiting for a 100 that may not come
    set(CURLOPT_HTTPHEADER, headers_.get());
}

void Transfer::set_bounds(std::chrono::milliseconds timeout) {
    set(CURLOPT_TIMEOUT_MS, std::max<long>(1, static_cast<long>(timeout.count())));
    set(CURLOPT_MAXFILESIZE_LARGE, std::max<curl_off_t>(1, static_cast<curl_off_t>(max_body_)));
    set(CURLOPT_HEADERFUNCTION, &Transfer::take_header);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_WRITEFUNCTION, &Transfer::take_body);
    set(CURLOPT_WRITEDATA, this);
}

// RFC 9110 section 4.3.4, RFC 8461 section 3.3: by a DNS-ID, never by a common name, which libcurl would take where there is none.
CURLcode Transfer::prepare_tls(CURL*, void* context, void* self) {
    const auto& transfer = *static_cast<Transfer*>(self);
    auto* const native = static_cast<SSL_CTX*>(context);
    SSL_CTX_set1_cert_store(native, transfer.rules_.authorities.get());
    X509_VERIFY_PARAM* const expected = SSL_CTX_get0_param(native);
    X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    const bool set = X509_VERIFY_PARAM_set1_host(expected, transfer.url_.host.c_str(), 0) == 1;
    return set ? CURLE_OK : CURLE_ABORTED_BY_CALLBACK;
}

// The second wall: whatever libcurl made of the addresses, nobody else is connected to.
curl_socket_t Transfer::open_socket(void* self, curlsocktype, curl_sockaddr* address) {
    auto& transfer = *static_cast<Transfer*>(self);
    sockaddr_storage where{};
    std::copy_n(reinterpret_cast<const char*>(&address->addr), std::min<std::size_t>(address->addrlen, sizeof where),
                reinterpret_cast<char*>(&where));
    const auto to = IpAddress::of(where);
    transfer.forbidden_ = !to || is_forbidden(*to, transfer.rules_.private_networks);
    return transfer.forbidden_ ? CURL_SOCKET_BAD : ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

std::size_t Transfer::take_header(char*, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    transfer.header_bytes_ += size * count;
    transfer.too_large_ = transfer.header_bytes_ > max_headers;
    return transfer.too_large_ ? 0 : size * count;
}

std::size_t Transfer::take_body(char* bytes, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    transfer.too_large_ = transfer.body_.size() + size * count > transfer.max_body_;
    if (transfer.too_large_) return 0;
    transfer.body_.append(bytes, size * count);
    return size * count;
}

HttpStatus Transfer::status_of(CURLcode result) const {
    if (too_large_) return HttpStatus::too_large;
    if (forbidden_ && result != CURLE_OK) return HttpStatus::forbidden;
    const auto row = std::find_if(std::begin(meanings), std::end(meanings), [result](const Meaning& m) { return m.result == result; });
    return row == std::end(meanings) ? HttpStatus::bad_answer : row->status;
}

void Transfer::finish(CURLcode result) {
    ipc::HttpReply reply;
    reply.status = status_of(result);
    if (reply.status == HttpStatus::answered) {
        long code = 0;
        const char* type = nullptr;
        curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &code);
        curl_easy_getinfo(easy_.get(), CURLINFO_CONTENT_TYPE, &type);
        reply.code = static_cast<std::uint16_t>(std::clamp(code, 0L, 999L));
        if (type) reply.content_type = printable(type).substr(0, decltype(reply.content_type)::limit);
        reply.body = std::move(body_);
    } else {
        reply.reason = printable(*problem_ ? problem_ : curl_easy_strerror(result)).substr(0, decltype(reply.reason)::limit);
    }
    const auto done = std::move(done_);
    done(reply);
}

} // namespace postern::fetch
