// Bytes to requests: a pure push machine. The head is gathered and checked whole (head_check.h), then http_parser
// reads head and body; what follows the body stays for the next request (pipelining).
#pragma once

#include "apid/http/chunk_check.h"
#include "apid/http/head_check.h"

#include <memory>

namespace postern::http {

struct Limits {
    std::size_t head = 16 * 1024;
    std::size_t body = 1024 * 1024;
};

class RequestParser {
  public:
    explicit RequestParser(Limits limits);
    ~RequestParser();
    RequestParser(RequestParser&&) = delete;

    enum class State { incomplete, complete, refused };
    // Takes bytes up to the end of one request; `taken` says how many. After `complete`, take() the request; after
    // `refused` the connection is to be closed: nobody knows where the next request would begin.
    State feed(std::string_view bytes, std::size_t& taken);

    Request take();
    const Refusal& refusal() const { return refusal_; }

    // A request has begun and is not complete: the deadline runs.
    bool in_request() const { return !head_.empty() || in_body_ || skipped_line_; }
    // Once per request, when its head asked for "100 Continue" before it sends the body.
    bool wants_continue();

  private:
    struct Engine;   // http_parser and its callbacks
    State refuse(int status, std::string_view why);
    State feed_head(std::string_view bytes, std::size_t& taken);
    State begin_body();
    State feed_body(std::string_view bytes, std::size_t& taken);
    bool read_target();

    Limits limits_;
    std::unique_ptr<Engine> engine_;
    std::string head_;
    Request request_;
    Refusal refusal_;
    std::optional<ChunkCheck> chunks_;   // of a chunked body
    State state_ = State::incomplete;
    bool in_body_ = false;
    bool skipped_line_ = false;
    bool continue_wanted_ = false;
};

} // namespace postern::http
