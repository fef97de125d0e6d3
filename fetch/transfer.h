// One request to one server whose addresses are known, and its answer. Libcurl resolves nothing, follows nothing, keeps nothing and
// takes nothing from its surroundings; whom it may connect to is asked once more when it opens a socket.
#pragma once

#include "fetch/url.h"
#include "fetch/web.h"
#include "ipc/http.h"
#include "libcommon/network.h"
#include "libcommon/owned.h"

struct x509_store_st;

namespace postern::fetch {

// What all transfers share.
struct Rules {
    std::shared_ptr<x509_store_st> authorities;
    std::vector<Network> private_networks;               // that may be gone to all the same
};

class Transfer {
  public:
    // `done` once, from the loop; it may destroy the transfer. Destroyed before, it never is.
    Transfer(Web& web, const Rules& rules, const ipc::HttpRequest& request, const Url& url, const std::vector<IpAddress>& addresses,
             std::chrono::milliseconds timeout, std::function<void(const ipc::HttpReply&)> done);
    ~Transfer();
    Transfer(const Transfer&) = delete;

  private:
    using Words = Owned<curl_slist, curl_slist_free_all>;
    template <class T> void set(CURLoption option, T value);
    void refuse_the_surroundings();
    void set_tls();
    void set_request(const ipc::HttpRequest& request);
    void set_bounds(std::chrono::milliseconds timeout);
    void finish(CURLcode result);
    ipc::HttpStatus status_of(CURLcode result) const;

    static CURLcode prepare_tls(CURL*, void* context, void* self);
    static curl_socket_t open_socket(void* self, curlsocktype, curl_sockaddr* address);
    static int no_resolver(void*, void*, void*) { return 1; }
    static std::size_t take_header(char* bytes, std::size_t size, std::size_t count, void* self);
    static std::size_t take_body(char* bytes, std::size_t size, std::size_t count, void* self);

    Web& web_;
    const Rules& rules_;
    Url url_;
    std::size_t max_body_;
    std::function<void(const ipc::HttpReply&)> done_;
    Owned<CURL, curl_easy_cleanup> easy_;
    Words addresses_, headers_;
    std::string sent_, body_;
    std::size_t header_bytes_ = 0;
    bool too_large_ = false, forbidden_ = false;
    char problem_[CURL_ERROR_SIZE] = {};
};

} // namespace postern::fetch
