#include "fetch/web.h"

#include <stdexcept>

namespace postern::fetch {
namespace {

CURLM* begin_libcurl() {
    if (curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK) throw std::runtime_error("libcurl does not start");
    CURLM* multi = curl_multi_init();
    if (!multi) throw std::runtime_error("libcurl does not start");
    return multi;
}

} // namespace

Web::Web(Loop& loop)
    : loop_(loop), timer_(loop, [this] { act(CURL_SOCKET_TIMEOUT, 0); }), multi_(begin_libcurl(), curl_multi_cleanup) {
    curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETFUNCTION, &Web::socket_changed);
    curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_.get(), CURLMOPT_TIMERFUNCTION, &Web::timer_changed);
    curl_multi_setopt(multi_.get(), CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_.get(), CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
}

Web::~Web() = default;

void Web::begin(CURL* transfer, std::function<void(CURLcode)> done) {
    running_[transfer] = std::move(done);
    // Which sets the timer: nothing happens before the loop's next turn.
    if (curl_multi_add_handle(multi_.get(), transfer) == CURLM_OK) return;
    loop_.defer([this, transfer] {
        const auto found = running_.extract(transfer);
        if (!found.empty()) found.mapped()(CURLE_OUT_OF_MEMORY);
    });
}

void Web::end(CURL* transfer) {
    if (running_.erase(transfer) != 0) curl_multi_remove_handle(multi_.get(), transfer);
}

int Web::socket_changed(CURL*, curl_socket_t socket, int what, void* self, void*) {
    static_cast<Web*>(self)->watch(socket, what);
    return 0;
}

int Web::timer_changed(CURLM*, long milliseconds, void* self) {
    Timer& timer = static_cast<Web*>(self)->timer_;
    if (milliseconds < 0) timer.cancel();
    else timer.once(std::chrono::milliseconds(milliseconds));
    return 0;
}

void Web::watch(curl_socket_t socket, int what) {
    if (what == CURL_POLL_REMOVE) {
        watched_.erase(socket);
        return;
    }
    Watched& watched = watched_[socket];
    if (!watched.read) {
        watched.read = std::make_unique<Watch>(loop_, socket, Watch::For::read, [this, socket] { act(socket, CURL_CSELECT_IN); });
        watched.write = std::make_unique<Watch>(loop_, socket, Watch::For::write, [this, socket] { act(socket, CURL_CSELECT_OUT); });
    }
    (what & CURL_POLL_IN) != 0 ? watched.read->enable() : watched.read->disable();
    (what & CURL_POLL_OUT) != 0 ? watched.write->enable() : watched.write->disable();
}

void Web::act(curl_socket_t socket, int events) {
    int running = 0;
    curl_multi_socket_action(multi_.get(), socket, events, &running);
    collect();
}

// Later: who is told may begin and end transfers.
void Web::collect() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        CURL* const transfer = message->easy_handle;
        const CURLcode result = message->data.result;
        curl_multi_remove_handle(multi_.get(), transfer);        // `message` is gone with it
        const auto found = running_.extract(transfer);
        if (!found.empty()) loop_.defer([done = std::move(found.mapped()), result] { done(result); });
    }
}

} // namespace postern::fetch
