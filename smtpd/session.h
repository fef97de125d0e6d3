// One SMTP conversation as a machine: bytes and answers go in, effects come out. No socket, no clock, no log.
//
//   fresh --EHLO--> greeted --MAIL--> mail --RCPT--> rcpt --DATA--> data --<CRLF>.<CRLF>--> submitting --> greeted
//     |                  |                             rcpt --BDAT--> chunk <--> chunks, with LAST --> submitting
//     ^ \                \--AUTH--> auth --> greeted         (RSET and EHLO lead back to greeted)
//     |  \__ any state: QUIT, too many errors, an abuse, a timeout --> closed
//     \-- handshake <--STARTTLS-- greeted
//
// While a question is open the session takes no further command; only RCPTs are asked side by side, and answered
// in the order they came (RFC 2920 section 3.2).
#pragma once

#include "libcommon/input.h"
#include "libsasl/conversation.h"
#include "smtpd/command.h"
#include "smtpd/config.h"
#include "smtpd/content_stream.h"
#include "smtpd/effects.h"
#include "smtpd/header_reader.h"
#include "smtpd/header_repair.h"
#include "smtpd/role.h"
#include "smtpd/transaction.h"

#include <optional>
#include <vector>

namespace postern::smtpd {

class Session {
  public:
    enum class State : std::uint8_t { handshake, fresh, greeted, mail, rcpt, data, chunk, chunks, submitting, auth, closed };

    // `tls`: this process has a certificate. The limits, the role and the effects outlive the session.
    Session(const Limits& limits, const Role& role, bool tls, TraceId trace, std::string client, Effects& effects);

    void allow_xclient() { takes_xclient_ = true; }      // its client is a proxy of ours
    void connected_to(std::optional<IpAddress> local) { local_ = local; }   // which of this host's addresses

    // Takes what it can; the rest stays with the transport until has_room(). `now`: seconds since the epoch.
    std::size_t receive(std::string_view bytes, std::int64_t now);
    bool has_room() const;

    void tls_started(std::string_view version, std::string_view cipher, ipc::ChannelBindings bindings = {});
    void answer(std::uint32_t ticket, Answer answer, std::int64_t now);
    void time_out();
    void shut_down();                    // finishes the transaction it is in, then 421 (RFC 5321 section 3.8)
    void make_way();                     // 421: others need the place more
    void peer_closed();                  // the connection is gone: nothing more can be said

    State state() const { return state_; }
    bool waits() const { return open_questions_ > 0; }   // for us, not for the client: no timeout
    std::uint64_t progress() const { return commands_ + received_ / 4096; }   // moves while the client does
    const Client& client() const { return client_; }
    AccountId account() const { return account_; }           // 0: nobody logged in
    const std::string& reverse_path() const { return transaction_.reverse_path(); }
    bool takes_logins() const { return role_.submission; }

  private:
    // A reply that is not sent yet because one before it still waits for its answer.
    struct Held {
        std::uint32_t ticket = 0;        // of the RCPT it belongs to; 0: only text, ready
        std::string text;                // the reply, or the forward-path that was asked about
        std::optional<std::variant<ipc::RecipientVerdict, RecipientDeferred>> verdict;
        ipc::RecipientDsn dsn;           // what that RCPT asked for
    };
    enum class Large : std::uint8_t { none, asked, open, failed };

    void run(std::int64_t now);
    bool take_line();
    bool may_take_command() const;
    void on_line(const Input::Line& line);
    void on_command(const Command& command);
    bool may_pass(std::size_t command);
    bool is_this_host(const mail::Mailbox& mailbox) const;

    void handle(const Helo& c);
    void handle(const Ehlo& c);
    void handle(const MailFrom& c);
    void handle(const RcptTo& c);
    void handle(const Data& c);
    void handle(const Bdat& c);
    void handle(const Rset& c);
    void handle(const Noop& c);
    void handle(const Vrfy& c);
    void handle(const Help& c);
    void handle(const Quit& c);
    void handle(const StartTls& c);
    void handle(const Auth& c);
    void handle(const Xclient& c);
    void handle(const Lhlo& c);

    void on_auth_line(std::string_view line);
    sasl::Conditions auth_conditions() const;
    bool expects_credentials();
    void take_auth_step(sasl::Conversation::Step step);
    void take(sasl::Conversation::Say& challenge);
    void take(ipc::Login& question);
    void take(ipc::SaslStart& question);
    void take(ipc::SaslStep& question);
    void take(ipc::LoginResult& result);
    void take(sasl::Conversation::Malformed&);
    void take(sasl::Conversation::Cancelled&);
    void end_auth();
    void enter(const ipc::LoginResult& result);
    void answer_recipient(const Held& asked);
    const Reply& add_recipient(const Held& asked);

    bool takes_content() const { return skip_ > 0 || state_ == State::data || state_ == State::chunk; }
    std::size_t take_content(std::string_view bytes, std::int64_t now);
    void begin_content(ContentStream::Framing framing);
    std::string& content() { return large_ == Large::open ? effects_.large : body_; }
    std::size_t feed(std::string_view bytes);
    void finish_content();
    std::size_t take_data(std::string_view bytes, std::int64_t now);
    std::size_t take_chunk(std::string_view bytes, std::int64_t now);
    std::size_t skip(std::size_t bytes);
    bool content_is_whole() const;
    void content_ended(std::int64_t now);
    void chunk_ended(std::int64_t now);
    void open_large_if_due();
    void data_ended(std::int64_t now);
    bool is_own(std::string_view address) const;
    void check_authors(std::int64_t now);
    void on_author(ipc::Verdict verdict, std::int64_t now);
    void submit(std::int64_t now);
    std::optional<Refusal> why_refused();
    const std::string& message_id() const { return repair_.message_id.empty() ? header_.facts().message_id : repair_.message_id; }
    HeaderChecks header_checks() const;
    const Reply* fault_reply() const;
    bool end_is_doubtful() const;
    void refuse_message(const Refusal& refusal);
    void end_message(const Reply& answer, std::string_view detail);
    void answer_message(const Reply& answer, std::string_view detail);
    static const Reply& reply_to_fit(Transaction::Fit fit);
    Transaction::Fit drop_unfit();
    void abandon_large();
    void end_transaction();

    void on(const ipc::LoginResult& result, std::int64_t now);
    void on(const ipc::SaslReply& answer, std::int64_t now);
    void on(const ipc::SenderVerdict& verdict, std::int64_t now);
    void on(const ClientJudged& judged, std::int64_t now);
    void on(const ipc::LargeOpened& opened, std::int64_t now);
    void on(const ipc::Submitted& submitted, std::int64_t now);
    bool hold_verdict(std::uint32_t ticket, std::variant<ipc::RecipientVerdict, RecipientDeferred> verdict);
    bool spends_junk(const Command& command);

    std::uint32_t ask(Question question);
    void reply(const Reply& reply, std::string_view detail = {});
    void send(std::string_view text);
    void release_held();
    void greet();
    void say_extensions();
    const Reply* why_not(const MailFrom& c) const;
    ipc::Extensions extensions_of(const MailFrom& c) const;
    bool offers_hold() const;
    void drain();
    void finish();
    void close();
    void close_with(const Reply& reply, std::string_view abuse = {}, std::string_view detail = {});

    const Limits& limits_;
    const Role& role_;
    Effects& effects_;
    Client client_;
    const bool tls_offered_;
    State state_;
    Input input_{input_budget};
    bool discarding_ = false;            // the rest of a line that was too long
    bool greeted_once_ = false;
    bool draining_ = false;
    bool takes_xclient_ = false;
    std::optional<IpAddress> local_;
    std::string helo_;
    bool extended_ = false;
    std::string tls_version_, tls_cipher_;

    Handle handle_;
    AccountId account_ = 0;
    std::string address_;                // the account's primary one
    ipc::ChannelBindings bindings_;
    std::optional<sasl::Conversation> auth_;   // while one runs

    Transaction transaction_;
    std::int64_t now_ = 0;               // as last told
    ContentStream stream_;
    HeaderReader header_;
    Repair repair_;
    std::size_t author_ = 0;             // of the header's, the first that is not known to be this account's
    std::string body_;
    Large large_ = Large::none;
    std::uint64_t large_token_ = 0;
    ipc::SubmitStatus large_status_ = ipc::SubmitStatus::unavailable;
    std::uint64_t chunk_left_ = 0;       // of the chunk that is being read
    bool last_chunk_ = false;            // of the message; what follows DATA is all there is
    std::uint64_t skip_ = 0;             // of a refused chunk: read and forgotten

    std::vector<Held> held_;
    std::uint32_t next_ticket_ = 1;
    std::uint32_t only_ticket_ = 0;      // of the one open question that is not about a recipient
    std::uint32_t open_questions_ = 0;
    std::uint64_t commands_ = 0, received_ = 0, errors_ = 0, messages_ = 0, login_failures_ = 0, junk_ = 0;
};

} // namespace postern::smtpd
