#include "libmail/mime.h"

#include "libcommon/text.h"
#include "libmail/headers.h"
#include "libmail/parameters.h"

#include <algorithm>
#include <string>

namespace postern::mail {
namespace {

struct WantedField { std::string_view name; std::string_view Part::* member; };
constexpr WantedField wanted_fields[] = {
    {"Content-Type", &Part::content_type},
    {"Content-Transfer-Encoding", &Part::encoding},
    {"Content-ID", &Part::id},
    {"Content-Description", &Part::description},
    {"Content-Disposition", &Part::disposition},
    {"Content-Language", &Part::language},
    {"Content-Location", &Part::location},
    {"Content-MD5", &Part::md5},
};

// RFC 2045 section 5.2 and RFC 2046 section 5.1.5 say what a part is that does not say it itself.
MediaType declared_type(const Part& part) {
    FieldValue value(part.content_type);
    MediaType media{value.token(), {}};
    if (value.accept('/')) media.subtype = value.token();
    if (!media.type.empty() && !media.subtype.empty()) return media;
    const bool absent = part.content_type.data() == nullptr;
    return part.in_digest && absent ? MediaType{"message", "rfc822"} : MediaType{"text", "plain"};
}

bool holds_message(MediaType media) {
    return iequals(media.type, "message") && (iequals(media.subtype, "rfc822") || iequals(media.subtype, "global"));
}

class Scanner {
  public:
    explicit Scanner(std::string_view message) { out_.message = message; }

    Structure run() {
        open_part(no_part, 0, 0);
        while (at_ < out_.message.size()) {
            const auto newline = out_.message.find('\n', at_);
            const std::size_t end = newline == std::string_view::npos ? out_.message.size() : newline + 1;
            take_line(end);
            lines_ += newline == std::string_view::npos ? 0 : 1;
            at_ = end;
            if (header_ended_) begin_body();
        }
        close_until(no_part, out_.message.size(), lines_);
        return std::move(out_);
    }

  private:
    // Of a multipart that is open, innermost last: all on the path from the root to the current part.
    struct Boundary {
        std::string text;      // "--" and the boundary
        PartIndex multipart;
    };

    Part& current() { return out_.parts[current_]; }

    void open_part(PartIndex parent, std::size_t begin, std::size_t lines) {
        const auto index = static_cast<PartIndex>(out_.parts.size());
        Part part;
        part.parent = parent;
        part.header_begin = part.body_begin = begin;
        if (parent != no_part) {
            Part& above = out_.parts[parent];
            part.depth = static_cast<std::uint16_t>(above.depth + 1);
            part.in_digest = above.kind == Part::Kind::multipart && iequals(declared_type(above).subtype, "digest");
            (above.last_child == no_part ? above.first_child : out_.parts[above.last_child].next_sibling) = index;
            above.last_child = index;
        }
        out_.parts.push_back(part);
        body_lines_before_.push_back(lines);
        current_ = index;
        in_header_ = true;
        field_begin_ = begin;
    }

    void take_line(std::size_t end) {
        const std::string_view line = out_.message.substr(at_, end - at_);
        if (line.starts_with("--") && !boundaries_.empty() && take_boundary(line)) return;
        if (!in_header_) return;
        const bool empty = line == "\r\n" || line == "\n";
        if (!empty && (line.front() == ' ' || line.front() == '\t')) return;   // folding: the field goes on
        end_field(at_);
        if (!empty) return;
        in_header_ = false;
        current().body_begin = end;
        header_ended_ = true;
    }

    // Up to `end` there may be a field that has not been looked at.
    void end_field(std::size_t end) {
        if (end <= field_begin_) return;
        const Field field = split_field(out_.message.substr(field_begin_, end - field_begin_), field_begin_);
        field_begin_ = end;
        if (field.name.size() < 10 || (field.name[0] | 0x20) != 'c') return;   // most fields are not Content-*
        for (const WantedField& wanted : wanted_fields)
            if ((current().*wanted.member).data() == nullptr && iequals(field.name, wanted.name))
                current().*wanted.member = field.body;
    }

    // The header is over: what the part is decides how its body is read.
    void begin_body() {
        header_ended_ = false;
        body_lines_before_[current_] = lines_;
        Part& part = current();
        if (part.depth >= Structure::max_depth || out_.parts.size() >= Structure::max_parts) return;
        const ContentType type = parse_content_type(part.content_type);
        if (iequals(type.type, "multipart") && !type.boundary.empty()) {
            part.kind = Part::Kind::multipart;
            boundaries_.push_back({"--" + type.boundary, current_});
        } else if (holds_message(declared_type(part))) {
            part.kind = Part::Kind::message;
            open_part(current_, at_, lines_);
        }
    }

    // RFC 2046 section 5.1.1: a line that begins with a boundary. The longest match counts, then the innermost.
    bool take_boundary(std::string_view line) {
        const Boundary* best = nullptr;
        for (auto it = boundaries_.rbegin(); it != boundaries_.rend(); ++it)
            if (line.starts_with(it->text) && (!best || it->text.size() > best->text.size())) best = &*it;
        if (!best) return false;
        const bool closing = line.substr(best->text.size()).starts_with("--");
        if (!closing && out_.parts.size() >= Structure::max_parts) return false;

        const PartIndex multipart = best->multipart;
        std::size_t end = at_, lines = lines_;
        if (end > 0 && out_.message[end - 1] == '\n') {
            --end;
            --lines;
            if (end > 0 && out_.message[end - 1] == '\r') --end;
        }
        close_until(multipart, end, lines);
        while (boundaries_.back().multipart != multipart) boundaries_.pop_back();
        if (closing) {
            boundaries_.pop_back();
            in_header_ = false;
        } else {
            open_part(multipart, at_ + line.size(), lines_ + 1);
        }
        return true;
    }

    // Ends the parts from the innermost up to, not including, `keep`: their text reaches to `end`.
    void close_until(PartIndex keep, std::size_t end, std::size_t lines) {
        if (in_header_) {                               // a part that is all header
            end_field(end);
            current().body_begin = std::max(current().header_begin, end);
            body_lines_before_[current_] = lines;
        }
        for (; current_ != keep; current_ = current().parent) {
            Part& part = current();
            end = part.body_end = std::max(part.body_begin, end);
            const std::size_t before = body_lines_before_[current_];
            part.body_lines = part.body_size() > 0 && lines > before ? lines - before : 0;
        }
        in_header_ = false;
    }

    Structure out_;
    std::vector<Boundary> boundaries_;
    std::vector<std::size_t> body_lines_before_;   // line ends before each part's body
    PartIndex current_ = no_part;
    std::size_t at_ = 0;
    std::size_t lines_ = 0;                        // line ends before at_
    std::size_t field_begin_ = 0;
    bool in_header_ = false;
    bool header_ended_ = false;
};

} // namespace

Structure parse_structure(std::string_view message) { return Scanner(message).run(); }

MediaType media_type(const Part& part) {
    const MediaType media = declared_type(part);
    const bool opaque = (iequals(media.type, "multipart") && part.kind != Part::Kind::multipart) ||
                        (holds_message(media) && part.kind != Part::Kind::message);
    return opaque ? MediaType{"application", "octet-stream"} : media;
}

bool is_text(const Part& part) { return iequals(media_type(part).type, "text"); }

} // namespace postern::mail
