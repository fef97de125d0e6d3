// libcurl's transfers on our loop, by its multi_socket interface: it says which sockets and when, we watch and wait.
#pragma once

#include "libcommon/loop.h"

#include <curl/curl.h>
#include <functional>
#include <map>

namespace postern::fetch {

class Web {
  public:
    // Before confinement: libcurl reads its surroundings, and makes a pair of sockets to wake itself by.
    explicit Web(Loop& loop);
    ~Web();
    Web(const Web&) = delete;

    // `done` later, from the loop, once, unless end() comes first.
    void begin(CURL* transfer, std::function<void(CURLcode)> done);
    void end(CURL* transfer);

  private:
    struct Watched {
        std::unique_ptr<Watch> read, write;
    };
    static int socket_changed(CURL*, curl_socket_t socket, int what, void* self, void*);
    static int timer_changed(CURLM*, long milliseconds, void* self);
    void watch(curl_socket_t socket, int what);
    void act(curl_socket_t socket, int events);
    void collect();

    Loop& loop_;
    Timer timer_;
    std::map<curl_socket_t, Watched> watched_;
    std::map<CURL*, std::function<void(CURLcode)>> running_;
    std::unique_ptr<CURLM, CURLMcode (*)(CURLM*)> multi_;        // destroyed first: it tells of its sockets once more
};

} // namespace postern::fetch
