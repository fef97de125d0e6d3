// One HttpRequest from its URL to its reply: what is asked for, where that is, whether we go there, and the transfer.
#pragma once

#include "fetch/transfer.h"
#include "ipc/dns.h"

namespace postern::fetch {

// One question to the DNS; the answer comes later, once, whatever happens.
using Ask = std::function<void(const std::string& name, ipc::DnsType type, std::function<void(const ipc::DnsAnswer&)> done)>;

// Holds itself until it has answered.
class Request : public std::enable_shared_from_this<Request> {
  public:
    using Done = std::function<void(const ipc::HttpReply&)>;
    Request(Loop& loop, Web& web, const Rules& rules, Ask ask, ipc::HttpRequest request, Done done);
    // `done` is called once, from the loop.
    void start();

  private:
    void ask_address(ipc::DnsType type, std::optional<ipc::DnsAnswer>& into);
    void on_addresses();
    void finish(ipc::HttpStatus status, std::string_view reason);
    void finish(const ipc::HttpReply& reply);

    Loop& loop_;
    Web& web_;
    const Rules& rules_;
    Ask ask_;
    ipc::HttpRequest request_;
    Done done_;
    Url url_;
    std::optional<ipc::DnsAnswer> v4_, v6_;
    std::unique_ptr<Transfer> transfer_;
    std::chrono::steady_clock::time_point deadline_;
    Timer timer_;                                        // libcurl has its own from the connection on
    std::shared_ptr<Request> self_;                      // while it runs
};

} // namespace postern::fetch
