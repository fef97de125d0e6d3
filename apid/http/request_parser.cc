#include "apid/http/request_parser.h"

#include "libcommon/text.h"

#include <algorithm>

#include <http_parser.h>

namespace postern::http {

struct RequestParser::Engine {
    http_parser parser{};
    http_parser_settings settings{};
    RequestParser& owner;
    bool too_large = false, complete = false;

    explicit Engine(RequestParser& of) : owner(of) {
        http_parser_settings_init(&settings);
        settings.on_body = [](http_parser* p, const char* at, std::size_t size) { return self(p).body({at, size}); };
        settings.on_message_complete = [](http_parser* p) {
            self(p).complete = true;
            http_parser_pause(p, 1);                       // stops at the last byte of this request
            return 0;
        };
        reset();
    }
    static Engine& self(http_parser* p) { return *static_cast<Engine*>(p->data); }
    void reset() {
        http_parser_init(&parser, HTTP_REQUEST);
        parser.data = this;
        too_large = complete = false;
    }
    int body(std::string_view bytes) {
        too_large = bytes.size() > owner.limits_.body - owner.request_.body.size();
        if (too_large) return 1;
        owner.request_.body.append(bytes);
        return 0;
    }
};

RequestParser::RequestParser(Limits limits) : limits_(limits), engine_(std::make_unique<Engine>(*this)) {}
RequestParser::~RequestParser() = default;

RequestParser::State RequestParser::refuse(int status, std::string_view why) {
    refusal_ = {status, why};
    return state_ = State::refused;
}

RequestParser::State RequestParser::feed(std::string_view bytes, std::size_t& taken) {
    taken = 0;
    while (state_ == State::incomplete && taken < bytes.size()) {
        std::size_t step = 0;
        state_ = in_body_ ? feed_body(bytes.substr(taken), step) : feed_head(bytes.substr(taken), step);
        taken += step;
    }
    return state_;
}

// Gathers up to the empty line that ends the head, and not a byte more.
RequestParser::State RequestParser::feed_head(std::string_view bytes, std::size_t& taken) {
    // RFC 9112 section 2.2: an empty line left over from the request before is skipped; one, not a trickle of them.
    const bool begins_line = head_.empty() && bytes.front() == '\r', ends_line = head_ == "\r" && bytes.front() == '\n';
    if (!skipped_line_ && (begins_line || ends_line)) {
        taken = 1;
        skipped_line_ = ends_line;
        head_ = begins_line ? "\r" : "";
        return State::incomplete;
    }
    const std::size_t known = head_.size();
    const std::size_t room = std::min(bytes.size(), limits_.head + 1 - known);
    head_.append(bytes.substr(0, room));
    const auto end = head_.find("\r\n\r\n", known < 3 ? 0 : known - 3);
    if (end == head_.npos) {
        taken = room;
        // A client that ends lines in LF alone would wait for ever: told at the first empty line.
        if (head_.find("\n\n") != head_.npos) return refuse(400, "lines end in CRLF");
        return head_.size() > limits_.head ? refuse(431, "request head too large") : State::incomplete;
    }
    head_.resize(end + 4);
    taken = head_.size() - known;
    return begin_body();
}

RequestParser::State RequestParser::begin_body() {
    Head head;
    if (auto refused = check_head(head_, head)) return refuse(refused->status, refused->why);
    if (head.length && *head.length > limits_.body) return refuse(413, "request body too large");
    request_.method = head.method;
    request_.target = head.target;
    request_.headers = std::move(head.headers);
    if (!read_target()) return refuse(400, "malformed request target");
    continue_wanted_ = head.expects_continue && (head.chunked || head.length.value_or(0) > 0);

    engine_->reset();
    in_body_ = true;
    chunks_.reset();
    if (head.chunked) chunks_.emplace();
    const std::size_t read = http_parser_execute(&engine_->parser, &engine_->settings, head_.data(), head_.size());
    const auto error = HTTP_PARSER_ERRNO(&engine_->parser);
    if (error == HPE_INVALID_METHOD) return refuse(501, "unknown method");
    if ((error != HPE_OK && error != HPE_PAUSED) || read != head_.size() || engine_->parser.upgrade)
        return refuse(400, "malformed request");
    request_.keep_alive = http_should_keep_alive(&engine_->parser) != 0;
    return engine_->complete ? State::complete : State::incomplete;
}

RequestParser::State RequestParser::feed_body(std::string_view bytes, std::size_t& taken) {
    if (chunks_) bytes = bytes.substr(0, chunks_->feed(bytes));
    if (chunks_ && chunks_->bad()) return refuse(400, "malformed chunk");
    taken = http_parser_execute(&engine_->parser, &engine_->settings, bytes.data(), bytes.size());
    if (engine_->too_large) return refuse(413, "request body too large");
    if (chunks_ && (chunks_->done() != engine_->complete || taken != bytes.size()))
        return refuse(400, "malformed chunk");                 // the two readers disagree
    if (engine_->complete) return State::complete;
    const auto error = HTTP_PARSER_ERRNO(&engine_->parser);
    return error == HPE_OK ? State::incomplete : refuse(400, "malformed request body");
}

// "/path?name=value&...", decoded after it was split. Handlers decode path segments the same way.
bool RequestParser::read_target() {
    std::string_view target = request_.target;
    if (!target.starts_with('/')) return false;            // no proxy: neither absolute nor authority form
    const auto question = target.find('?');
    request_.path = target.substr(0, question);
    if (question == target.npos) return true;
    for (const std::string_view pair : split(target.substr(question + 1), '&')) {
        if (pair.empty()) continue;
        const auto equals = pair.find('=');
        std::string name, value;
        if (!percent_decode(pair.substr(0, equals), name)) return false;
        if (equals != pair.npos && !percent_decode(pair.substr(equals + 1), value)) return false;
        request_.query.emplace_back(std::move(name), std::move(value));
    }
    return true;
}

bool RequestParser::wants_continue() { return in_body_ && state_ == State::incomplete && std::exchange(continue_wanted_, false); }

Request RequestParser::take() {
    Request request = std::exchange(request_, {});
    head_.clear();
    in_body_ = skipped_line_ = false;
    continue_wanted_ = false;
    state_ = State::incomplete;
    return request;
}

} // namespace postern::http
