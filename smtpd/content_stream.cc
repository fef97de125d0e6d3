#include "smtpd/content_stream.h"

#include <algorithm>
#include <cstring>

namespace postern::smtpd {

std::size_t ContentStream::feed(std::string_view bytes, std::string& out) {
    if (!has_lines()) {
        put(bytes, out);
        return bytes.size();
    }
    std::size_t at = 0;
    while (at < bytes.size() && !ended()) {
        if (state_ == State::line) at += take_run(bytes.substr(at), out);
        if (at < bytes.size()) step(bytes[at++], out);
    }
    return at;
}

void ContentStream::finish(std::string& out) {
    if (state_ == State::line_cr) lone(Fault::bare_cr, out);
    state_ = State::ended;
}

// The fast path: the rest of a line up to its CR, looked through by memchr and copied once.
std::size_t ContentStream::take_run(std::string_view bytes, std::string& out) {
    std::string_view run = bytes.substr(0, bytes.find('\r'));
    for (char special : {'\n', '\0'}) run = run.substr(0, run.find(special));
    put(run, out);
    return run.size();
}

void ContentStream::step(char c, std::string& out) {
    switch (state_) {
    case State::line_start:
        if (c == '.' && framing_ == Framing::dots) state_ = State::dot;
        else begin_line(c, out);
        break;
    case State::dot:                          // the first dot of a line is the transport's, not the message's
        if (c == '\r') state_ = State::dot_cr;
        else begin_line(c, out);
        break;
    case State::dot_cr:
        if (c == '\n') state_ = State::ended;
        else behind_cr(c, out);
        break;
    case State::line:
        in_line(c, out);
        break;
    case State::line_cr:
        behind_cr(c, out);
        break;
    case State::ended:
        break;
    }
}

void ContentStream::begin_line(char c, std::string& out) {
    doubtful_ = false;
    in_line(c, out);
}

void ContentStream::in_line(char c, std::string& out) {
    state_ = State::line;
    if (c == '\r') {
        state_ = State::line_cr;
    } else if (c == '\n') {                   // does not start a line: what follows cannot end the message
        lone(Fault::bare_lf, out);
    } else {
        if (c == '\0') set_fault(Fault::nul);
        put({&c, 1}, out);
    }
}

void ContentStream::behind_cr(char c, std::string& out) {
    if (c != '\n') {
        lone(Fault::bare_cr, out);
        doubtful_ = c == '\r';
        in_line(c, out);
        return;
    }
    end_line(out);
    state_ = State::line_start;
}

void ContentStream::end_line(std::string& out) {
    line_ = 0;                                // the limit is for the text of a line
    put("\r\n", out);
    line_ = 0;
}

void ContentStream::lone(Fault fault, std::string& out) {
    if (limits_.lone == LineEnds::normalize) end_line(out);
    else set_fault(fault);
}

void ContentStream::put(std::string_view bytes, std::string& out) {
    size_ += bytes.size();
    line_ += bytes.size();
    if (size_ > limits_.message_bytes) set_fault(Fault::too_large);
    if (has_lines() && line_ > limits_.line_bytes) set_fault(Fault::line_too_long);
    if (fault_ == Fault::none) out.append(bytes);
}

void ContentStream::set_fault(Fault fault) {
    if (fault_ == Fault::none) fault_ = fault;
}

} // namespace postern::smtpd
