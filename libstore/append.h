// An APPEND while its bytes come in.
#pragma once

#include "libstore/account.h"

namespace postern::store {

class LocalAppending final : public Appending {
  public:
    LocalAppending(std::shared_ptr<LocalAccount> account, MailboxId mailbox, std::string unique, Fd file)
        : account_(std::move(account)), mailbox_(mailbox), unique_(std::move(unique)), file_(std::move(file)) {}
    ~LocalAppending() override;

    Result<void> write(std::string_view bytes) override;
    void commit(Flags flags, std::span<const std::string> keywords, std::int64_t internal_date,
                std::function<void(Result<Appended>)> done) override;

  private:
    void enter(Flags flags, std::span<const std::string> keywords, std::int64_t date,
               std::function<void(Result<Appended>)> done);
    Result<NewMessage> insert(Box& box, Flags flags, std::span<const std::string> keywords, std::int64_t date);

    std::shared_ptr<LocalAccount> account_;
    MailboxId mailbox_;
    std::string unique_;
    Fd file_;                           // empty once its bytes are flushed
    std::uint64_t size_ = 0;
};

} // namespace postern::store
