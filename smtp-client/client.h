// One run of postern-smtp-client(1): the addresses of a host in turn, until one takes a conversation; then the message.
#pragma once

#include "delivery/smtp/conversation.h"
#include "smtp-client/options.h"

#include <memory>

namespace postern::smtp_client {

class Client {
  public:
    // `content` is the message, where there are recipients.
    Client(Options options, std::shared_ptr<const tls::ClientContext> tls, std::vector<IpAddress> addresses, smtp_out::Content content);
    // What happened is said on standard output; the exit code is one of sysexits.h.
    int run();

  private:
    void next_address();
    void opened();
    void transact();
    void transacted();
    void part();

    Options options_;
    Loop loop_;
    smtp_out::Settings settings_;
    std::shared_ptr<const tls::ClientContext> tls_;
    std::vector<IpAddress> addresses_;               // still to be tried
    smtp_out::Content content_;
    smtp_out::Outgoing message_;
    std::vector<std::optional<smtp_out::Outcome>> outcomes_;
    std::optional<smtp_out::Transaction> transaction_;
    std::shared_ptr<smtp_out::Conversation> conversation_;
    bool over_ = false;
    int exit_code_;
};

// Its addresses as the system finds them; Errc::not_found when it has none.
Result<std::vector<IpAddress>> addresses_of(const mail::NextHop& hop);

// The bytes of the message; the descriptor is of a file in memory.
Result<smtp_out::Content> content_of(const Options& options);

} // namespace postern::smtp_client
