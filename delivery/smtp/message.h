// A message as its transaction sees it: the envelope, what its content needs of a host, and the content as bytes to be read.
#pragma once

#include "ipc/agent.h"
#include "libcommon/owned.h"
#include "libcommon/result.h"
#include "libmail/seven_bit.h"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace postern::smtp_out {

// What is beyond ASCII in a content, found by reading it. Pure.
class Survey {
  public:
    void take(std::string_view bytes);
    bool eight_bit_header() const { return header_; }
    bool eight_bit() const { return header_ || body_; }

  private:
    bool header_ = false, body_ = false, in_body_ = false;
    std::string_view::size_type line_ = 0;       // octets of the header's present line, CR apart
};

struct Outgoing {
    struct Recipient {
        std::uint32_t index = 0;                 // ipc::DeliverRecipient::index
        std::string address;
        std::uint8_t notify = ipc::notify::unsaid;
        std::string original;                    // ORCPT, decoded
    };
    std::string reverse_path;
    std::vector<Recipient> recipients;
    ipc::BodyKind body_kind = ipc::BodyKind::seven_bit;
    bool smtputf8 = false, require_tls = false;
    ipc::DsnReturn ret = ipc::DsnReturn::unsaid;
    std::string envelope_id;
    std::uint64_t size = 0;
    // Asked only where a host cannot take everything: what is in the content, and its size in seven bits, or why it has no such form.
    std::function<Survey()> survey = {};
    std::function<Result<std::uint64_t>()> seven_bit_size = {};
};
Outgoing outgoing_of(const ipc::Deliver& job);

// A file's bytes in memory, as the kernel has them: qmgr's, which nobody shortens while it is open (postern-qmgr(8), large/).
class MappedFile {
  public:
    static Result<MappedFile> of(const Fd& file, std::size_t size);
    MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
    MappedFile& operator=(MappedFile&&) = delete;
    ~MappedFile();
    std::string_view bytes() const { return bytes_; }

  private:
    explicit MappedFile(std::string_view bytes) : bytes_(bytes) {}
    std::string_view bytes_;
};

// The bytes: trace header, then the body, which is in the job or a file. Read once for each host that is tried.
class Content {
  public:
    enum class Form : std::uint8_t { original, seven_bit };

    static Result<Content> of(const ipc::Deliver& job, Fd large);
    std::uint64_t size() const { return size_; }         // of the original
    Result<std::uint64_t> seven_bit_size();              // Errc::unsupported: it has no such form
    bool is_at_end() const { return at_ == end_; }
    Result<void> rewind(Form form = Form::original);
    Result<std::size_t> read(std::span<char> into);      // 0 at the end
    Survey survey();

  private:
    Content(std::string_view header, std::string_view body, Fd file) : header_(header), body_(body), file_(std::move(file)) {}
    std::size_t read_converted(std::span<char> into);

    std::string_view header_, body_;             // views of the job
    Fd file_;
    std::uint64_t size_ = 0, at_ = 0, end_ = 0;
    Form form_ = Form::original;
    std::optional<MappedFile> mapped_;
    std::optional<mail::SevenBitForm> converted_;
    std::string ahead_;                          // of the converted body, not read yet
};

} // namespace postern::smtp_out
