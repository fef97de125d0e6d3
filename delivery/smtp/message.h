// A message as its transaction sees it: the envelope, what its content needs of a host, and the content as bytes to be read.
#pragma once

#include "ipc/agent.h"
#include "libcommon/owned.h"
#include "libcommon/result.h"

#include <functional>
#include <span>
#include <string>
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
    std::function<Survey()> survey = {};         // asked only where a host cannot take everything
};
Outgoing outgoing_of(const ipc::Deliver& job);

// The bytes: trace header, then the body, which is in the job or a file. Read once for each host that is tried.
class Content {
  public:
    static Result<Content> of(const ipc::Deliver& job, Fd large);
    std::uint64_t size() const { return size_; }
    bool is_at_end() const { return at_ == size_; }
    Result<void> rewind();
    Result<std::size_t> read(std::span<char> into);      // 0 at the end
    Survey survey();

  private:
    Content(std::string_view header, std::string_view body, Fd file) : header_(header), body_(body), file_(std::move(file)) {}
    std::string_view header_, body_;             // views of the job
    Fd file_;
    std::uint64_t size_ = 0, at_ = 0;
};

} // namespace postern::smtp_out
