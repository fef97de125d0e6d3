// One request to the management API over api.sock, and its answer. Blocking: a command line has nothing else to do.
#pragma once

#include "libcommon/json.h"
#include "libcommon/result.h"
#include "mailctl/exit_code.h"

#include <string>
#include <string_view>

namespace postern::mailctl {

struct Reply {
    int status = 0;
    std::string content_type;
    std::string body;
};

// Pure: the bytes of a whole response, until the server closed.
Result<Reply> parse_reply(std::string_view bytes);

// What stops a command: its exit code and what to tell the user.
struct Failure {
    ExitCode code;
    std::string message;
};

class Client {
  public:
    explicit Client(std::string socket_path) : path_(std::move(socket_path)) {}

    // Throws Failure when there is no answer, with advice, or when the answer is a problem (RFC 9457).
    json::Value get(std::string_view target) { return json_of(request("GET", target, nullptr)); }
    json::Value send(std::string_view method, std::string_view target, const json::Value& body) {
        return json_of(request(method, target, &body));
    }
    json::Value send(std::string_view method, std::string_view target) { return json_of(request(method, target, nullptr)); }
    std::string get_text(std::string_view target) { return request("GET", target, nullptr).body; }

    // The answer whatever its status; only none at all is a Failure.
    Reply exchange(std::string_view method, std::string_view target, const json::Value* body);

    // Every page of a listing, one after the other; `target` may have a query.
    json::Array get_all(const std::string& target);

  private:
    Reply request(std::string_view method, std::string_view target, const json::Value* body);
    static json::Value json_of(const Reply& reply);

    std::string path_;
};

} // namespace postern::mailctl
