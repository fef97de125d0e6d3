#include "delivery/smtp/transaction.h"

#include "libmail/chars.h"

#include <algorithm>

namespace postern::smtp_out {
namespace {

bool is_ascii(std::string_view text) { return std::none_of(text.begin(), text.end(), mail::is_eight_bit); }

} // namespace

Transaction::Transaction(const Outgoing& message, const Wire& wire, std::vector<std::size_t> undecided)
    : message_(message), wire_(wire), places_(std::move(undecided)), outcomes_(message.recipients.size()) {
    carriage_.size = message.size;
}

// ---- before the first command: what this host cannot take ----------------------------------------------------------

// RFC 6152 section 3, RFC 3030 section 3: what the host cannot take as it is goes in seven bits.
std::optional<Outcome> Transaction::convert() {
    const Capabilities& offered = wire_.offered;
    const bool binary = message_.body_kind == ipc::BodyKind::binary && !offered.binarymime;
    const bool eight_bit = message_.body_kind == ipc::BodyKind::eight_bit && !offered.eight_bit && message_.survey().eight_bit();
    if (!binary && !eight_bit) return std::nullopt;
    auto size = message_.seven_bit_size();
    if (size) {
        form_ = Content::Form::seven_bit;
        carriage_.size = *size;
        return std::nullopt;
    }
    if (size.error().code() != Errc::unsupported) return deferred("4.3.0", size.error().message());
    return failed("5.6.1", "the host does not offer " + std::string(binary ? "BINARYMIME" : "8BITMIME") + ", and the message has no other form: " +
                               size.error().message());
}

// What is true of all recipients.
std::optional<Outcome> Transaction::refusal() {
    const Capabilities& offered = wire_.offered;
    if (message_.require_tls && !(wire_.secure && offered.require_tls))
        return failed("5.7.30", "the message demands TLS on its whole way, and the host does not offer REQUIRETLS");   // RFC 8689
    if (message_.smtputf8 && !offered.smtputf8 && (!is_ascii(message_.reverse_path) || message_.survey().eight_bit_header()))
        return failed("5.6.7", "sender or header are beyond ASCII, and the host does not offer SMTPUTF8");             // RFC 6531
    if (auto why = convert()) return why;
    if (offered.max_size != 0 && carriage_.size > offered.max_size)
        return failed("5.3.4", "the message has " + std::to_string(carriage_.size) + " octets, the host takes " + std::to_string(offered.max_size));
    return std::nullopt;
}

void Transaction::choose_carriage() {
    const Capabilities& offered = wire_.offered;
    const bool original = form_ == Content::Form::original;
    const bool binary = original && message_.body_kind == ipc::BodyKind::binary;
    chunked_ = offered.chunking && (wire_.chunking || binary);
    if (binary) carriage_.body = "BINARYMIME";
    else if (original && message_.body_kind == ipc::BodyKind::eight_bit && offered.eight_bit) carriage_.body = "8BITMIME";
    carriage_.smtputf8 = message_.smtputf8 && offered.smtputf8;
    carriage_.require_tls = message_.require_tls;
    carriage_.dsn = offered.dsn;
}

void Transaction::refuse_unfit_recipients() {
    if (carriage_.smtputf8) return;
    for (const std::size_t place : places_)
        if (!is_ascii(message_.recipients[place].address))
            outcomes_[place] = failed("5.6.7", "the address is beyond ASCII, and the host does not offer SMTPUTF8");
    std::erase_if(places_, [this](std::size_t place) { return !is_open(place); });
}

void Transaction::compose() {
    waiting_.push_back({Verb::mail, 0, mail_command(message_, wire_.offered, carriage_)});
    for (const std::size_t place : places_) waiting_.push_back({Verb::rcpt, place, rcpt_command(message_.recipients[place], carriage_)});
    if (!chunked_) waiting_.push_back({Verb::data, 0, "DATA\r\n"});
}

Step Transaction::begin() {
    if (auto why = refusal()) {
        // Another host may offer it: undecided, and this is what is said when none does.
        problem_ = std::move(*why);
        return end(true);
    }
    choose_carriage();
    refuse_unfit_recipients();
    if (places_.empty()) return end(true);
    compose();
    return pump();
}

// ---- commands out, in groups where the host takes them so (RFC 2920) -----------------------------------------------

Step Transaction::pump() {
    Step step;
    while (!waiting_.empty() && (wire_.offered.pipelining || sent_.empty())) {
        step.send += waiting_.front().line;
        sent_.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
    }
    if (sent_.empty()) return after_envelope();
    if (sent_.front().verb == Verb::data || sent_.front().verb == Verb::empty) step.wait = Wait::data_init;
    return step;
}

// MAIL and all RCPT are answered, and DATA if it was sent with them.
Step Transaction::after_envelope() {
    if (accepted_.empty() || !mail_accepted_) return mail_accepted_ ? reset() : end(true);
    return send_content("BDAT " + std::to_string(carriage_.size) + " LAST\r\n");
}

Step Transaction::send_content(std::string introduction) {
    sending_ = true;
    return {std::move(introduction), Step::Then::send_content, Wait::data_block};
}

Step Transaction::on_last_byte() {
    committed_ = true;
    sending_ = false;
    // RFC 2033 section 4.2: LMTP answers once for each recipient it took, in their order.
    for (const std::size_t place : accepted_) {
        sent_.push_back({Verb::content, place, {}});
        if (!wire_.lmtp) break;
    }
    return {{}, Step::Then::await, Wait::data_done};
}

Step Transaction::reset() {
    waiting_.clear();
    sent_.push_back({Verb::rset, 0, {}});
    return {"RSET\r\n", Step::Then::await, Wait::command};
}

Step Transaction::end(bool clean) {
    ended_ = true;
    clean_ = clean;
    return {{}, Step::Then::finished, Wait::command};
}

// ---- replies in ----------------------------------------------------------------------------------------------------

Step Transaction::on_reply(const mail::SmtpReply& reply) {
    // RFC 5321 section 3.8: the host is leaving, whatever the command was. Before anything was answered this is an idle
    // connection's goodbye.
    if (reply.code == 421) return on_leaving(reply);
    answered_ = true;
    if (sending_) return on_early_reply(reply);
    if (sent_.empty()) return out_of_order(reply);
    const Command command = std::move(sent_.front());
    sent_.pop_front();
    switch (command.verb) {
    case Verb::mail: return on_mail(reply);
    case Verb::rcpt: on_rcpt(command.place, reply); return pump();
    case Verb::data: return on_data(reply);
    case Verb::empty: return mail_accepted_ ? reset() : end(true);
    case Verb::content: return on_content(command.place, reply);
    case Verb::rset: return end(reply.is_positive());
    }
    return out_of_order(reply);
}

Step Transaction::on_leaving(const mail::SmtpReply& reply) {
    busy_ = true;
    if (committed_) settle_accepted(outcome_of(reply));      // an answer to the message, and a clear one
    else on_lost(reply.text());
    return end(false);
}

Step Transaction::on_mail(const mail::SmtpReply& reply) {
    mail_accepted_ = reply.is_positive();
    if (mail_accepted_) return pump();
    if (reply.is_intermediate()) return out_of_order(reply);
    problem_ = outcome_of(reply);
    if (reply.is_permanent()) settle_all(problem_);
    // What was sent behind it is answered, too, and means nothing.
    waiting_.clear();
    return pump();
}

void Transaction::on_rcpt(std::size_t place, const mail::SmtpReply& reply) {
    if (!mail_accepted_) return;
    if (reply.is_positive()) {
        accepted_.push_back(place);
        return;
    }
    // RFC 5321 section 4.5.3.1.10: enough for one transaction, the rest goes in another.
    if (reply.code == 452 && !accepted_.empty()) {
        wants_more_ = true;
        problem_ = outcome_of(reply);
        return;
    }
    outcomes_[place] = outcome_of(reply);
    if (!waiting_.empty() && waiting_.front().verb == Verb::data && sent_.empty() && accepted_.empty()) waiting_.clear();
}

Step Transaction::on_data(const mail::SmtpReply& reply) {
    if (reply.code == 354) {
        if (mail_accepted_ && !accepted_.empty()) return send_content({});
        // RFC 2920 section 3.1: it takes a message for nobody, so it gets an empty one.
        sent_.push_back({Verb::empty, 0, {}});
        return {".\r\n", Step::Then::await, Wait::data_done};
    }
    if (reply.is_positive() || reply.is_intermediate()) return out_of_order(reply);
    settle_accepted(outcome_of(reply));
    return mail_accepted_ ? reset() : end(true);
}

Step Transaction::on_content(std::size_t place, const mail::SmtpReply& reply) {
    if (wire_.lmtp) outcomes_[place] = outcome_of(reply);
    else settle_accepted(outcome_of(reply));
    return sent_.empty() ? end(true) : Step{{}, Step::Then::await, Wait::data_done};
}

// While the content goes: it will not be taken. Where it stands the rest of it would be read as commands, so the connection
// ends here.
Step Transaction::on_early_reply(const mail::SmtpReply& reply) {
    sending_ = false;
    if (reply.is_positive() || reply.is_intermediate()) return out_of_order(reply);
    settle_accepted(outcome_of(reply));
    return end(false);
}

Step Transaction::out_of_order(const mail::SmtpReply& reply) {
    on_lost("unexpected reply: " + reply.text(400));
    return end(false);
}

void Transaction::on_lost(std::string_view why) {
    if (ended_) return;
    ended_ = true;
    wants_more_ = false;
    const std::string text(why);
    if (!committed_) {
        problem_ = busy_ ? deferred("4.3.2", text) : lost(Loss::in_session, "lost before the message was sent: " + text);
        return;
    }
    uncertain_ = std::any_of(accepted_.begin(), accepted_.end(), [this](std::size_t place) { return is_open(place); });
    settle_accepted(lost(Loss::in_session, "lost after the message was sent, it may have arrived: " + text));
}

void Transaction::abandon(Outcome why) {
    ended_ = true;
    settle_all(why);
}

void Transaction::settle_accepted(const Outcome& outcome) {
    for (const std::size_t place : accepted_)
        if (is_open(place)) outcomes_[place] = outcome;
}

void Transaction::settle_all(const Outcome& outcome) {
    for (const std::size_t place : places_)
        if (is_open(place)) outcomes_[place] = outcome;
}

} // namespace postern::smtp_out
