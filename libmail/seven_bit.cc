#include "libmail/seven_bit.h"

#include "libcommon/text.h"
#include "libmail/chars.h"
#include "libmail/headers.h"
#include "libmail/transfer.h"

#include <algorithm>

namespace postern::mail {
namespace {

constexpr std::size_t block = 57 * 1024;         // base64 lines of 76 characters come from 57 octets

bool has_eight_bit(std::string_view bytes) { return std::any_of(bytes.begin(), bytes.end(), is_eight_bit); }

// NUL, or a CR or LF alone: what only BINARYMIME carries.
bool is_binary(std::string_view bytes) {
    if (bytes.find('\0') != std::string_view::npos) return true;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (bytes[i] == '\n') return true;
        if (bytes[i] != '\r') continue;
        if (i + 1 == bytes.size() || bytes[i + 1] != '\n') return true;
        ++i;
    }
    return false;
}

// RFC 2045 section 6.2: those that say what the octets are, and change none.
bool is_identity(std::string_view encoding) {
    const std::string word = unfold(encoding);
    return word.empty() || iequals(word, "7bit") || iequals(word, "8bit") || iequals(word, "binary");
}

std::string type_of(const Part& part) {
    const MediaType type = media_type(part);
    return ascii_lower(type.type) + "/" + ascii_lower(type.subtype);
}

Error without(std::string_view why) { return Error(Errc::unsupported, std::string(why)); }

// What a leaf becomes.
struct Treatment {
    std::string_view encoding = {};              // the name of the new one; empty: it stands
    bool base64 = false, masked = false;
};
Result<Treatment> treat(const Part& part, std::string_view body) {
    if (!has_eight_bit(body) && !is_binary(body)) return Treatment{};
    if (!is_identity(part.encoding)) return Treatment{{}, false, true};      // encoded already, and what is left of it is damage
    const std::string type = type_of(part);
    if (type.starts_with("message/") || type.starts_with("multipart/")) return without("a part of type " + type + " cannot be encoded");
    if (is_text(part) && !is_binary(body)) return Treatment{"quoted-printable", false, false};
    return Treatment{"base64", true, false};
}

std::string in_lines(std::string_view base64) {
    std::string out;
    for (; !base64.empty(); base64.remove_prefix(std::min<std::size_t>(76, base64.size()))) {
        if (!out.empty()) out += "\r\n";
        out += base64.substr(0, 76);
    }
    return out;
}

} // namespace

Result<SevenBitForm> SevenBitForm::of(std::string_view message) {
    SevenBitForm form(message);
    if (auto planned = form.plan(parse_structure(message)); !planned) return planned.error();
    std::string counted;
    while (form.read(counted)) {
        form.size_ += counted.size();
        counted.clear();
    }
    form.rewind();
    return form;
}

void SevenBitForm::put(Piece::Kind kind, std::size_t begin, std::size_t end) {
    if (begin < end) pieces_.push_back({kind, begin, end});
}

void SevenBitForm::say(std::string_view words) { pieces_.push_back({Piece::Kind::words, 0, words.size(), words}); }

Result<void> SevenBitForm::plan(const Structure& structure) {
    std::size_t done = 0;
    for (const Part& part : structure.parts) {
        put(Piece::Kind::masked, done, part.header_begin);       // boundaries, and what is before and behind the parts
        const std::string_view body = structure.body(part);
        const bool leaf = part.kind == Part::Kind::leaf;
        auto treatment = leaf ? treat(part, body) : Result<Treatment>(Treatment{});
        if (!treatment) return treatment.error();
        if (!leaf && type_of(part) == "multipart/signed" && (has_eight_bit(body) || is_binary(body))) return without("a signed part cannot be encoded");
        std::string_view encoding = treatment->encoding;
        if (encoding.empty() && !part.encoding.empty() && is_identity(part.encoding) && !iequals(unfold(part.encoding), "7bit")) encoding = "7bit";
        if (auto header = plan_header(structure, part, encoding); !header) return header;
        done = part.body_begin;
        if (!leaf) continue;
        const auto kind = treatment->masked             ? Piece::Kind::masked
                          : treatment->encoding.empty() ? Piece::Kind::copy
                          : treatment->base64           ? Piece::Kind::base64
                                                        : Piece::Kind::quoted_printable;
        put(kind, part.body_begin, part.body_end);
        if (kind == Piece::Kind::base64 && part.body_end == message_.size()) say("\r\n");
        done = part.body_end;
    }
    put(Piece::Kind::masked, done, message_.size());
    return {};
}

// The header with `encoding` in place of its own; as it stands where that is empty.
Result<void> SevenBitForm::plan_header(const Structure& structure, const Part& part, std::string_view encoding) {
    const std::string_view header = structure.header(part);
    if (has_eight_bit(header)) return without("a header has octets beyond ASCII");
    if (encoding.empty()) {
        put(Piece::Kind::copy, part.header_begin, part.body_begin);
        return {};
    }
    HeaderScanner scanner(header);
    std::size_t done = 0;
    bool mime_version = false;
    while (const auto field = scanner.next()) {
        mime_version = mime_version || iequals(field->name, "MIME-Version");
        if (!iequals(field->name, "Content-Transfer-Encoding")) continue;
        put(Piece::Kind::copy, part.header_begin + done, part.header_begin + field->begin);
        done = field->end;
    }
    const std::size_t end = scanner.header_end();
    put(Piece::Kind::copy, part.header_begin + done, part.header_begin + end);
    const bool is_message = part.parent == no_part || structure.parts[part.parent].kind == Part::Kind::message;
    if (is_message && !mime_version) say("MIME-Version: 1.0\r\n");
    if (is_message && part.content_type.empty()) say("Content-Type: text/plain; charset=unknown-8bit\r\n");      // RFC 1428
    say("Content-Transfer-Encoding: ");
    say(encoding);
    say("\r\n");
    if (part.header_begin + end == part.body_begin) say("\r\n");             // a header without its empty line
    put(Piece::Kind::copy, part.header_begin + end, part.body_begin);
    return {};
}

void SevenBitForm::rewind() { piece_ = at_ = 0; }

bool SevenBitForm::read(std::string& out) {
    if (piece_ == pieces_.size()) return false;
    const Piece& piece = pieces_[piece_];
    const std::string_view source = piece.kind == Piece::Kind::words ? piece.words : message_.substr(piece.begin, piece.end - piece.begin);
    std::string_view bytes = source.substr(at_, block);
    if (bytes.ends_with('\r') && at_ + bytes.size() < source.size()) bytes = source.substr(at_, bytes.size() + 1);   // its LF, too
    if (piece.kind == Piece::Kind::base64) bytes = source.substr(at_, block);
    const bool last = at_ + bytes.size() == source.size();
    switch (piece.kind) {
    case Piece::Kind::copy:
    case Piece::Kind::words: out += bytes; break;
    case Piece::Kind::masked: std::replace_copy_if(bytes.begin(), bytes.end(), std::back_inserter(out), is_eight_bit, '?'); break;
    case Piece::Kind::quoted_printable:
        out += encode_quoted_printable(bytes);
        if (!last && !bytes.ends_with("\r\n")) out += "=\r\n";
        break;
    case Piece::Kind::base64:
        out += in_lines(to_base64(bytes));
        if (!last) out += "\r\n";
        break;
    }
    at_ += bytes.size();
    if (last) ++piece_, at_ = 0;
    return true;
}

} // namespace postern::mail
