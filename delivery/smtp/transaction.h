// One message to one host: MAIL, RCPT, DATA or BDAT, and what each reply means for whom. Pure.
//
// A recipient's own reply is its outcome. What the host says of the whole before the message was sent, if temporary, is no
// outcome: those recipients stay undecided, and the next host is tried. From on_last_byte() on there is no next host: the
// message may have been taken, so whoever has no reply then is deferred and counted as uncertain (DESIGN section 5, rule 9).
#pragma once

#include "delivery/smtp/commands.h"
#include "delivery/smtp/dialogue.h"
#include "delivery/smtp/outcome.h"

#include <deque>
#include <optional>

namespace postern::smtp_out {

// Of the host and the connection, as far as a transaction has to know.
struct Wire {
    Capabilities offered;
    bool lmtp = false;
    bool secure = false;
    bool chunking = true;            // where it is offered
};

class Transaction : public Dialogue {
  public:
    // Only the recipients that `undecided` names take part: places in message.recipients.
    Transaction(const Outgoing& message, const Wire& wire, std::vector<std::size_t> undecided);

    Step begin() override;
    Step on_reply(const mail::SmtpReply& reply) override;
    void on_lost(std::string_view why) override;

    // How the content goes: by BDAT as it is, or by DATA with its dots doubled.
    bool is_chunked() const { return chunked_; }
    Content::Form form() const { return form_; }
    // The last of the content is about to be handed over: the point behind which nothing is taken back.
    Step on_last_byte();
    // The content cannot be read any more, or must not be sent: a way out before the last byte.
    void abandon(Outcome why);

    // By places in message.recipients; nothing: undecided.
    const std::vector<std::optional<Outcome>>& outcomes() const { return outcomes_; }
    const Outcome& problem() const { return problem_; }     // why there are undecided ones
    bool wants_more() const { return wants_more_; }         // the host takes no more at once: the rest in another transaction here
    bool is_reusable() const { return ended_ && clean_; }   // the connection, for a next one
    bool was_answered() const { return answered_; }         // at all: if not, an idle connection was dead already
    bool is_uncertain() const { return uncertain_; }
    bool is_busy() const { return busy_; }
    bool dsn_passed() const { return carriage_.dsn; }

  private:
    enum class Verb : std::uint8_t { mail, rcpt, data, empty, content, rset };
    struct Command {
        Verb verb;
        std::size_t place = 0;       // of rcpt, and of LMTP's replies to the content
        std::string line = {};
    };
    std::optional<Outcome> convert();
    std::optional<Outcome> refusal();
    void choose_carriage();
    void refuse_unfit_recipients();
    void compose();
    Step pump();
    Step end(bool clean);
    Step on_leaving(const mail::SmtpReply& reply);
    Step on_mail(const mail::SmtpReply& reply);
    void on_rcpt(std::size_t place, const mail::SmtpReply& reply);
    Step on_data(const mail::SmtpReply& reply);
    Step on_content(std::size_t place, const mail::SmtpReply& reply);
    Step on_early_reply(const mail::SmtpReply& reply);
    Step after_envelope();
    Step send_content(std::string introduction);
    Step reset();
    Step out_of_order(const mail::SmtpReply& reply);
    bool is_open(std::size_t place) const { return !outcomes_[place]; }
    void settle_accepted(const Outcome& outcome);
    void settle_all(const Outcome& outcome);

    const Outgoing& message_;
    Wire wire_;
    std::vector<std::size_t> places_;        // who takes part
    std::vector<std::optional<Outcome>> outcomes_;
    std::vector<std::size_t> accepted_;
    Outcome problem_;
    Carriage carriage_;
    Content::Form form_ = Content::Form::original;
    bool chunked_ = false;
    std::deque<Command> waiting_, sent_;     // to be sent; whose replies are due
    bool mail_accepted_ = false, sending_ = false, committed_ = false, ended_ = false, clean_ = false;
    bool answered_ = false, uncertain_ = false, busy_ = false, wants_more_ = false;
};

} // namespace postern::smtp_out
