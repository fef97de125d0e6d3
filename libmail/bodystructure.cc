#include "libmail/bodystructure.h"

#include "libcommon/text.h"
#include "libmail/envelope.h"
#include "libmail/headers.h"
#include "libmail/imap/quote.h"
#include "libmail/parameters.h"

#include <optional>

namespace postern::mail {
namespace {

// Recursion goes along the tree, whose depth parse_structure() bounds.
class Writer {
  public:
    Writer(const Structure& structure, bool extended) : in_(structure), extended_(extended) {}

    std::string run() {
        part(in_.root());
        return std::move(out_);
    }

  private:
    void part(const Part& p) {
        out_.push_back('(');
        if (p.kind == Part::Kind::multipart) multipart(p);
        else single(p);
        out_.push_back(')');
    }

    void multipart(const Part& p) {
        for (PartIndex child = p.first_child; child != no_part; child = in_.parts[child].next_sibling)
            part(in_.parts[child]);
        // The grammar demands a part even where a multipart has none.
        if (p.first_child == no_part) out_.append(R"(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0))");
        out_.push_back(' ');
        imap::append_string(out_, media_type(p).subtype);
        if (!extended_) return;
        FieldValue value = after_media_type(p);
        out_.push_back(' ');
        parameters(value.parameters());
        out_.push_back(' ');
        disposition_language_location(p);
    }

    void single(const Part& p) {
        const MediaType media = media_type(p);
        imap::append_string(out_, media.type);
        out_.push_back(' ');
        imap::append_string(out_, media.subtype);
        out_.push_back(' ');
        media_parameters(p, media);
        out_.push_back(' ');
        nstring(p.id);
        out_.push_back(' ');
        nstring(p.description);
        out_.push_back(' ');
        encoding(p);
        out_.append(" ").append(std::to_string(p.body_size()));
        if (p.kind == Part::Kind::message) {
            out_.push_back(' ');
            append_envelope(out_, in_.header(in_.parts[p.first_child]));
            out_.push_back(' ');
            part(in_.parts[p.first_child]);
        }
        if (p.kind == Part::Kind::message || is_text(p)) out_.append(" ").append(std::to_string(p.body_lines));
        if (!extended_) return;
        out_.push_back(' ');
        nstring(p.md5);
        out_.push_back(' ');
        disposition_language_location(p);
    }

    FieldValue after_media_type(const Part& p) {
        FieldValue value(p.content_type);
        value.token();
        if (value.accept('/')) value.token();
        return value;
    }

    // RFC 2045 section 5.2: text without a charset is us-ascii.
    void media_parameters(const Part& p, MediaType media) {
        Parameters list;
        if (FieldValue value = after_media_type(p); declared(p)) list = value.parameters();
        if (iequals(media.type, "text") && !find_parameter(list, "charset")) list.push_back({"charset", "us-ascii"});
        parameters(list);
    }

    // Whether Content-Type is there and well-formed enough for its parameters to count.
    static bool declared(const Part& p) {
        FieldValue value(p.content_type);
        return !value.token().empty() && value.accept('/') && !value.token().empty();
    }

    void parameters(const Parameters& list) {
        if (list.empty()) {
            out_.append("NIL");
            return;
        }
        char before = '(';
        for (const Parameter& p : list) {
            out_.push_back(before);
            imap::append_string(out_, p.name);
            out_.push_back(' ');
            imap::append_string(out_, p.value);
            before = ' ';
        }
        out_.push_back(')');
    }

    void encoding(const Part& p) {
        FieldValue value(p.encoding);
        const std::string_view token = value.token();
        imap::append_string(out_, token.empty() ? std::string_view("7bit") : token);
    }

    void disposition_language_location(const Part& p) {
        FieldValue value(p.disposition);
        if (const std::string_view kind = value.token(); kind.empty()) {
            out_.append("NIL");
        } else {
            out_.push_back('(');
            imap::append_string(out_, kind);
            out_.push_back(' ');
            parameters(value.parameters());
            out_.push_back(')');
        }
        out_.push_back(' ');
        language(p);
        out_.push_back(' ');
        nstring(p.location);
    }

    // RFC 3282: a list of tags; one alone is a string.
    void language(const Part& p) {
        Parameters tags;
        FieldValue value(p.language);
        for (std::string_view tag = value.token(); !tag.empty() && tags.size() < max_parameters;
             tag = value.token()) {
            tags.push_back({std::string(tag), {}});
            if (!value.accept(',')) break;
        }
        if (tags.empty()) {
            out_.append("NIL");
        } else if (tags.size() == 1) {
            imap::append_string(out_, tags[0].name);
        } else {
            char before = '(';
            for (const Parameter& tag : tags) {
                out_.push_back(before);
                imap::append_string(out_, tag.name);
                before = ' ';
            }
            out_.push_back(')');
        }
    }

    void nstring(std::string_view body) {
        if (body.data() == nullptr) out_.append("NIL");
        else imap::append_string(out_, unfold(body));
    }

    const Structure& in_;
    bool extended_;
    std::string out_;
};

} // namespace

std::string bodystructure_text(const Structure& structure) { return Writer(structure, true).run(); }
std::string body_text(const Structure& structure) { return Writer(structure, false).run(); }

} // namespace postern::mail
