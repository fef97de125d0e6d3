#include "delivery/smtp/dot_stuffing.h"

namespace postern::smtp_out {

void DotStuffer::append(std::string& out, std::string_view block) {
    while (!block.empty()) {
        if (cr_) {
            // Whatever follows it, the CR ends a line; an LF is its own.
            out += "\r\n";
            cr_ = false;
            line_begins_ = true;
            if (block.front() == '\n') block.remove_prefix(1);
            continue;
        }
        if (line_begins_ && block.front() == '.') out += '.';
        const auto end = block.find_first_of("\r\n");
        const auto line = block.substr(0, end);
        out += line;
        line_begins_ = line_begins_ && line.empty();
        if (end == std::string_view::npos) return;
        if (block[end] == '\r') {
            cr_ = true;
        } else {
            out += "\r\n";
            line_begins_ = true;
        }
        block.remove_prefix(end + 1);
    }
}

void DotStuffer::finish(std::string& out) {
    if (cr_ || !line_begins_) out += "\r\n";
    out += ".\r\n";
}

} // namespace postern::smtp_out
