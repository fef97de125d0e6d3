// One MAIL..DATA, RFC 5321 section 3.3: who sends, and who gets it after aliases were expanded.
#pragma once

#include "ipc/queue.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postern::smtpd {

class Transaction {
  public:
    Transaction() = default;
    Transaction(std::string reverse_path, std::uint64_t announced_size, ipc::BodyKind body,
                ipc::Extensions extensions = {})
        : reverse_path_(std::move(reverse_path)), announced_size_(announced_size), body_(body),
          extensions_(std::move(extensions)) {}

    const std::string& reverse_path() const { return reverse_path_; }
    std::uint64_t announced_size() const { return announced_size_; }
    ipc::BodyKind body() const { return body_; }
    bool smtputf8() const { return extensions_.smtputf8; }
    bool ask_first() { return !std::exchange(asked_, true); }   // is this the first RCPT of the transaction?
    std::size_t accepted() const { return accepted_.size(); }   // RCPT commands that got a 250
    std::string_view only_recipient() const { return accepted_.size() == 1 ? accepted_.front().forward_path.view() : std::string_view(); }
    std::string accepted_path(std::size_t rcpt) const { return std::string(accepted_.at(rcpt).forward_path.view()); }

    // What its size says of a message once that is known: to everybody, as SMTP has one reply (RFC 5321 section 4.1.1.4), or to
    // one of the RCPTs accepted, as LMTP has (RFC 2033). A rule of one recipient binds the whole message, whose client could
    // have said its size at MAIL; a full mailbox refuses it only where none has room: else the others would miss it.
    enum class Fit : std::uint8_t { fits, too_large_to_send, too_large, over_quota };
    void limit_sender(std::uint64_t size_limit) { sender_limit_ = size_limit; }
    Fit fit(std::uint64_t size) const;
    Fit fit(std::uint64_t size, std::size_t rcpt) const;
    // Whom the message does not fit leaves the envelope. `fits` when somebody is left, else why the first had to leave.
    Fit drop_unfit(std::uint64_t size);

    // False, and nothing changed, when the envelope would get more recipients than a message may have.
    // `dsn` is for each that this RCPT leads to; its index is set here.
    bool add_local(const std::string& forward_path, const ipc::RecipientVerdict& verdict, const ipc::RecipientDsn& dsn = {});
    bool add_foreign(const std::string& forward_path, const ipc::RecipientDsn& dsn = {});

    std::vector<ipc::EnvelopeRecipient> take_recipients() { return std::move(recipients_); }
    ipc::Extensions take_extensions() { return std::move(extensions_); }
    List<ipc::Forwarded, ipc::max_recipients> take_forwarded() { return std::move(forwarded_); }

  private:
    void add(ipc::EnvelopeRecipient recipient, ipc::RecipientDsn dsn, const ipc::Address& leaves_with = {});
    struct Accepted {
        ipc::Address forward_path;
        std::uint64_t size_limit = 0, room = 0;                 // as in ipc::RecipientVerdict
    };

    std::string reverse_path_;
    std::uint64_t announced_size_ = 0;
    ipc::BodyKind body_ = ipc::BodyKind::seven_bit;
    ipc::Extensions extensions_;
    bool asked_ = false;
    std::uint64_t sender_limit_ = 0;
    std::vector<Accepted> accepted_;      // of each RCPT
    std::vector<ipc::EnvelopeRecipient> recipients_;
    List<ipc::Forwarded, ipc::max_recipients> forwarded_;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> led_to_;   // a recipient, and one of the RCPTs that led to it
};

} // namespace postern::smtpd
