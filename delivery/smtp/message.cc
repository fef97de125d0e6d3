#include "delivery/smtp/message.h"

#include "libmail/chars.h"

#include <algorithm>
#include <cerrno>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace postern::smtp_out {
namespace {

bool has_eight_bit(std::string_view bytes) { return std::any_of(bytes.begin(), bytes.end(), mail::is_eight_bit); }

} // namespace

// The header ends at its first empty line (RFC 5322 section 2.1).
void Survey::take(std::string_view bytes) {
    while (!in_body_ && !bytes.empty()) {
        const auto end = bytes.find('\n');
        const auto piece = bytes.substr(0, end);
        header_ = header_ || has_eight_bit(piece);
        line_ += piece.size() - static_cast<std::size_t>(piece.ends_with('\r'));
        if (end == std::string_view::npos) return;
        in_body_ = line_ == 0;
        line_ = 0;
        bytes.remove_prefix(end + 1);
    }
    body_ = body_ || has_eight_bit(bytes);
}

Outgoing outgoing_of(const ipc::Deliver& job) {
    Outgoing message;
    message.reverse_path = job.reverse_path.value;
    message.body_kind = job.body_kind;
    message.smtputf8 = job.extensions.smtputf8;
    message.require_tls = job.extensions.require_tls;
    message.ret = job.extensions.ret;
    message.envelope_id = job.extensions.envelope_id.value;
    for (const ipc::DeliverRecipient& recipient : job.recipients) {
        Outgoing::Recipient out{recipient.index, recipient.recipient.address.value, ipc::notify::unsaid, {}};
        for (const ipc::RecipientDsn& dsn : job.extensions.recipients) {
            if (dsn.index != recipient.index) continue;
            out.notify = dsn.notify;
            out.original = dsn.original.value;
        }
        message.recipients.push_back(std::move(out));
    }
    return message;
}

Result<Content> Content::of(const ipc::Deliver& job, Fd large) {
    Content content(job.trace_header, job.body, std::move(large));
    content.size_ = content.end_ = content.header_.size() + content.body_.size();
    if (!job.large) return content;
    struct stat found{};
    if (!content.file_) return Error(Errc::unavailable, "no descriptor of the body");
    if (::fstat(content.file_.get(), &found) != 0) return Error::from_errno("look at the body");
    content.size_ = content.end_ = content.header_.size() + static_cast<std::uint64_t>(found.st_size);
    return content;
}

Result<MappedFile> MappedFile::of(const Fd& file, std::size_t size) {
    if (size == 0) return MappedFile({});
    void* at = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (at == MAP_FAILED) return Error::from_errno("map the body");
    return MappedFile({static_cast<const char*>(at), size});
}

MappedFile::~MappedFile() {
    if (!bytes_.empty()) ::munmap(const_cast<char*>(bytes_.data()), bytes_.size());
}

// The trace header is ours, and ASCII or under SMTPUTF8.
Result<std::uint64_t> Content::seven_bit_size() {
    if (file_ && !mapped_) {
        auto mapped = MappedFile::of(file_, size_ - header_.size());
        if (!mapped) return mapped.error();
        mapped_.emplace(std::move(*mapped));
    }
    if (has_eight_bit(header_)) return Error(Errc::unsupported, "a header has octets beyond ASCII");
    if (!converted_) {
        auto form = mail::SevenBitForm::of(mapped_ ? mapped_->bytes() : body_);
        if (!form) return form.error();
        converted_.emplace(std::move(*form));
    }
    return header_.size() + converted_->size();
}

Result<void> Content::rewind(Form form) {
    at_ = 0;
    form_ = form;
    end_ = size_;
    if (form == Form::seven_bit) {
        auto size = seven_bit_size();
        if (!size) return size.error();
        end_ = *size;
        converted_->rewind();
        ahead_.clear();
        return {};
    }
    if (file_ && ::lseek(file_.get(), 0, SEEK_SET) != 0) return Error::from_errno("rewind the body");
    return {};
}

Result<std::size_t> Content::read(std::span<char> into) {
    if (at_ == end_) return std::size_t{0};
    std::size_t count = 0;
    if (at_ < header_.size()) {
        count = header_.copy(into.data(), into.size(), at_);
    } else if (form_ == Form::seven_bit) {
        count = read_converted(into);
    } else if (!file_) {
        count = body_.copy(into.data(), into.size(), at_ - header_.size());
    } else {
        const ssize_t got = ::read(file_.get(), into.data(), into.size());
        if (got < 0) return Error::from_errno("read the body");
        if (got == 0) return Error(Errc::corrupt, "the body is shorter than it was");
        count = std::min<std::uint64_t>(static_cast<std::uint64_t>(got), size_ - at_);
    }
    at_ += count;
    return count;
}

std::size_t Content::read_converted(std::span<char> into) {
    while (ahead_.size() < into.size() && converted_->read(ahead_)) {}
    const std::size_t count = ahead_.copy(into.data(), into.size());
    ahead_.erase(0, count);
    return count;
}

Survey Content::survey() {
    Survey survey;
    char block[64 * 1024];
    if (!rewind()) return survey;
    for (auto got = read(block); got && *got > 0; got = read(block)) survey.take({block, *got});
    return survey;
}

} // namespace postern::smtp_out
