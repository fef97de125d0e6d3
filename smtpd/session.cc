#include "smtpd/session.h"

#include "libcommon/text.h"
#include "libmail/chars.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace postern::smtpd {
namespace {

using State = Session::State;

// RCPTs asked about side by side; more wait in the input.
constexpr std::size_t max_held = 100;

struct States {
    unsigned bits = 0;
    constexpr bool has(State state) const { return (bits >> static_cast<unsigned>(state)) & 1U; }
};
template <class... S> constexpr States in(S... states) { return {((1U << static_cast<unsigned>(states)) | ...)}; }
constexpr States always = in(State::fresh, State::greeted, State::mail, State::rcpt, State::chunks);

template <class C, std::size_t I = 0> constexpr std::size_t index_of() {
    if constexpr (std::is_same_v<C, std::variant_alternative_t<I, Command>>) return I;
    else return index_of<C, I + 1>();
}
template <class C> constexpr std::size_t verb = index_of<C>();

// RFC 5321 section 4.1.4, the order of commands. `identity`: on a submission port only behind TLS and AUTH.
struct Gate {
    std::size_t command;
    bool identity;
    States states;
    Reply otherwise;
};
constexpr Gate gates[] = {
    {verb<Helo>, false, always, {}},
    {verb<Ehlo>, false, always, {}},
    {verb<MailFrom>, true, in(State::greeted), {503, "5.5.1", "EHLO first, then one MAIL at a time"}},
    {verb<RcptTo>, true, in(State::mail, State::rcpt), {503, "5.5.1", "Send MAIL first"}},
    {verb<Data>, true, in(State::rcpt, State::chunks), {554, "5.5.1", "No valid recipients"}},
    {verb<Bdat>, true, in(State::rcpt, State::chunks), {503, "5.5.1", "MAIL and a valid recipient first"}},
    {verb<Rset>, false, always, {}},
    {verb<Noop>, false, always, {}},
    {verb<Vrfy>, true, always, {}},
    {verb<Help>, false, always, {}},
    {verb<Quit>, false, always, {}},
    {verb<StartTls>, false, in(State::greeted), {503, "5.5.1", "STARTTLS belongs behind EHLO, before MAIL"}},
    {verb<Auth>, false, in(State::greeted), {503, "5.5.1", "AUTH belongs behind EHLO, before MAIL"}},
    {verb<Xclient>, false, in(State::fresh, State::greeted), {503, "5.5.1", "XCLIENT belongs before MAIL"}},
    {verb<Lhlo>, false, always, {}},
};
constexpr bool one_gate_per_command() {
    for (std::size_t i = 0; i < std::size(gates); ++i)
        if (gates[i].command != i) return false;
    return std::size(gates) == std::variant_size_v<Command>;
}
static_assert(one_gate_per_command());

constexpr bool is_hello(std::size_t command) { return command == verb<Helo> || command == verb<Ehlo> || command == verb<Lhlo>; }

} // namespace

Session::Session(const Limits& limits, const Role& role, bool tls, TraceId trace, std::string client, Effects& effects) :
    limits_(limits), role_(role), effects_(effects), client_{trace, std::move(client), role.name}, tls_offered_(tls),
    state_(role.implicit_tls ? State::handshake : State::fresh) {
    effects_.events.push_back(event::Connected{});
    if (role_.local) only_ticket_ = ask(ipc::LocalLogin{trace});         // it is greeted once it is known who that is
    else if (state_ == State::fresh) greet();
}

void Session::greet() {
    greeted_once_ = true;
    effects_.send.append("220 ").append(limits_.hostname).append(role_.lmtp ? " LMTP Postern" : " ESMTP Postern");
    if (role_.local) effects_.send.append(" for ").append(address_);     // what sendmail needs to know
    effects_.send.append("\r\n");
}

bool Session::has_room() const {
    return state_ != State::closed && state_ != State::handshake && large_ != Large::asked && input_.room() > 0;
}

std::size_t Session::receive(std::string_view bytes, std::int64_t now) {
    std::size_t taken = 0;
    now_ = now;
    while (taken < bytes.size() && has_room()) {
        // A message goes from the transport's buffer to the body, not through the input.
        if (takes_content() && input_.empty()) taken += take_content(bytes.substr(taken), now);
        else taken += input_.append(bytes.substr(taken));
        run(now);
    }
    return taken;
}

void Session::run(std::int64_t now) {
    for (;;) {
        if (draining_) drain();
        if (takes_content()) {
            if (large_ == Large::asked || (input_.empty() && !content_is_whole())) return;
            input_.consume(take_content(input_.peek(), now));
        } else if (!may_take_command() || !take_line()) {
            return;
        }
    }
}

bool Session::may_take_command() const {
    if (state_ == State::closed || state_ == State::handshake || state_ == State::submitting) return false;
    if (open_questions_ == 0) return true;
    return !held_.empty() && held_.size() < max_held && istarts_with(input_.peek(), "RCPT ");
}

bool Session::take_line() {
    if (discarding_) {
        discarding_ = !input_.discard_line();
        if (discarding_) return false;
    }
    const bool auth = state_ == State::auth || istarts_with(input_.peek(), "AUTH ");
    const Input::Line line = input_.take_line(auth ? max_auth_line : limits_.command_bytes);
    if (line.state == Input::LineState::incomplete) return false;
    if (line.state == Input::LineState::complete) {
        on_line(line);
        return true;
    }
    discarding_ = true;
    if (state_ == State::auth) {
        state_ = State::greeted;
        end_auth();
    }
    reply(auth ? replies::auth_too_long : replies::command_too_long);
    return true;
}

void Session::on_line(const Input::Line& line) {
    ++commands_;
    // Behind a BDAT that is not understood comes content of any length: no command of this client's.
    const bool chunk = istarts_with(line.text, "BDAT");
    // A bare LF ends nothing here either: what one server takes for one line another takes for two.
    if (!line.crlf) return chunk ? close_with(replies::command_bare_lf, "malformed BDAT") : reply(replies::command_bare_lf);
    if (state_ == State::auth) return on_auth_line(line.text);
    if (state_ == State::fresh && is_http_request(line.text)) return close_with(replies::not_http, "HTTP request");
    effects_.verbs.push_back(static_cast<std::uint8_t>(verb_index(line.text).value_or(verbs().size())));
    const Parsed parsed = parse_command(line.text);
    if (const auto* bad = std::get_if<BadSyntax>(&parsed))
        return chunk ? close_with(bad->reply, "malformed BDAT") : reply(bad->reply, printable(bad->detail));
    on_command(std::get<Command>(parsed));
}

void Session::on_command(const Command& command) {
    if (!may_pass(command.index())) {
        if (const auto* chunk = std::get_if<Bdat>(&command)) skip_ = chunk->size;
        return;
    }
    if (!spends_junk(command)) return;
    std::visit([this](const auto& c) { handle(c); }, command);
}

// Commands that are no errors and send no mail: a client needs a few, a flood of them only keeps us busy. The count ends
// with each accepted message.
bool Session::spends_junk(const Command& command) {
    const bool junk = std::visit([](const auto& c) {
        using C = std::decay_t<decltype(c)>;
        return std::is_same_v<C, Helo> || std::is_same_v<C, Ehlo> || std::is_same_v<C, Lhlo> || std::is_same_v<C, Rset> || std::is_same_v<C, Noop> ||
               std::is_same_v<C, Vrfy> || std::is_same_v<C, Help>;
    }, command);
    if (!junk || role_.lmtp || ++junk_ <= limits_.junk_commands) return true;
    close_with(replies::too_much_junk, "too many commands that send no mail");
    return false;
}

bool Session::may_pass(std::size_t command) {
    const Gate& gate = gates[command];
    const Reply* refusal = nullptr;
    if (gate.identity && role_.submission && !role_.local && tls_version_.empty()) refusal = &replies::tls_required;
    else if (gate.identity && role_.submission && account_ == 0) refusal = &replies::auth_required;
    else if (command == verb<Xclient> && !takes_xclient_) refusal = &replies::not_your_xclient;
    else if (is_hello(command) && (command == verb<Lhlo>) != role_.lmtp) refusal = role_.lmtp ? &replies::say_lhlo : &replies::not_lmtp;
    else if (command == verb<Data> && role_.lmtp && state_ == State::mail) refusal = &replies::no_recipients;
    else if (!gate.states.has(state_)) refusal = &gate.otherwise;
    if (refusal) reply(*refusal);
    return refusal == nullptr;
}

void Session::handle(const Helo& c) {
    end_transaction();
    state_ = State::greeted;
    helo_ = c.domain;
    extended_ = false;
    reply({250, {}, limits_.hostname});
}

void Session::handle(const Ehlo& c) {
    end_transaction();
    state_ = State::greeted;
    helo_ = c.domain;
    extended_ = true;
    say_extensions();
}

void Session::handle(const MailFrom& c) {
    if (const Reply* refusal = why_not(c)) return reply(*refusal);
    transaction_ = Transaction(c.reverse_path.null ? std::string() : c.reverse_path.mailbox.text(), c.size, c.body,
                               extensions_of(c));
    if (role_.submission) {
        only_ticket_ = ask(ipc::CheckSender{client_.trace, handle_, transaction_.reverse_path()});
    } else {
        state_ = State::mail;
        reply(replies::sender_ok);
    }
}

void Session::on(const ipc::SenderVerdict& verdict, std::int64_t now) {
    if (state_ == State::submitting) return on_author(verdict.verdict, now);
    const bool too_large = verdict.size_limit != 0 && transaction_.announced_size() > verdict.size_limit;
    const Reply& answer = too_large ? replies::too_big_to_send : reply_to_sender(verdict.verdict);
    if (answer.is_error()) {
        effects_.events.push_back(event::SenderRefused{transaction_.reverse_path(), answer.code, answer.text});
        end_transaction();
    } else {
        state_ = State::mail;
        transaction_.limit_sender(verdict.size_limit);
    }
    reply(answer);
}

// RFC 5321 section 4.1.3: an address literal that is ours names this host. No other one is ever resolved.
bool Session::is_this_host(const mail::Mailbox& mailbox) const {
    if (!limits_.address_literals || !mailbox.is_literal()) return false;
    const auto address = mail::address_in_literal(mailbox.domain);
    return address && (address == local_ || contains(limits_.public_addresses, *address));
}

void Session::handle(const RcptTo& c) {
    if (transaction_.accepted() + held_.size() >= limits_.recipients) return reply(replies::too_many_recipients);
    const bool ascii = c.forward_path.ascii && std::none_of(c.original.begin(), c.original.end(), mail::is_eight_bit);
    if (!ascii && !transaction_.smtputf8()) return reply(replies::needs_smtputf8);
    const mail::Mailbox& mailbox = c.forward_path.mailbox;
    // Which domain this host stands for is authd's to know, as it is of <Postmaster>.
    std::string forward_path = is_this_host(mailbox) ? mail::Mailbox{mailbox.local_part, {}}.text() : mailbox.text();
    const std::uint32_t ticket = ask(ipc::ResolveRecipient{client_.trace, forward_path, transaction_.announced_size(),
                                                           transaction_.reverse_path(), handle_});
    effects_.asks.back().first = transaction_.ask_first();
    held_.push_back({ticket, std::move(forward_path), {}, {0, c.notify, c.original}});
}

bool Session::hold_verdict(std::uint32_t ticket, std::variant<ipc::RecipientVerdict, RecipientDeferred> verdict) {
    const auto row = std::find_if(held_.begin(), held_.end(), [&](const Held& h) { return h.ticket == ticket; });
    if (row == held_.end() || row->verdict) return false;
    row->verdict = std::move(verdict);
    return true;
}

// Sends what is ready at the front, in the order of the commands.
void Session::release_held() {
    std::size_t ready = 0;
    while (ready < held_.size() && state_ != State::closed) {
        const Held& held = held_[ready];
        if (held.ticket != 0 && !held.verdict) break;
        if (held.ticket == 0) send(held.text);
        else answer_recipient(held);
        ++ready;
    }
    held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(ready));
}

void Session::answer_recipient(const Held& asked) {
    if (const auto* deferred = std::get_if<RecipientDeferred>(&*asked.verdict)) {
        effects_.events.push_back(event::RecipientRefused{asked.text, deferred->reply.code, deferred->reply.text});
        std::string refusal;
        write_reply(refusal, deferred->reply, deferred->detail);
        return send(refusal);
    }
    const Reply& answer = add_recipient(asked);
    if (answer.is_error()) {
        effects_.events.push_back(event::RecipientRefused{asked.text, answer.code, answer.text});
    } else {
        state_ = State::rcpt;
        effects_.events.push_back(event::RecipientAccepted{asked.text});
    }
    std::string text;
    write_reply(text, answer);
    send(text);
}

// The one place that opens the door to foreign recipients: only for a session with an identity, and only where
// it can have one. qmgr asks authd the same again before it takes such an envelope.
const Reply& Session::add_recipient(const Held& asked) {
    const ipc::RecipientVerdict& verdict = std::get<ipc::RecipientVerdict>(*asked.verdict);
    const bool relays = role_.submission && account_ != 0 && !handle_.empty();
    if (verdict.status == ipc::RecipientStatus::foreign && relays)
        return transaction_.add_foreign(asked.text, asked.dsn) ? reply_to(ipc::RecipientStatus::deliver)
                                                      : replies::too_many_recipients;
    // Never so of our authd; a 250 for a message that nobody gets would lose it.
    if (verdict.status == ipc::RecipientStatus::deliver && verdict.targets.empty() && verdict.forwards.empty())
        return reply_to(ipc::RecipientStatus::unavailable);
    if (verdict.status == ipc::RecipientStatus::deliver && !transaction_.add_local(asked.text, verdict, asked.dsn))
        return replies::too_many_recipients;
    return reply_to(verdict.status);
}

void Session::handle(const Rset&) {
    end_transaction();
    reply(replies::ok);
}

void Session::handle(const Noop&) { reply(replies::ok); }

// RFC 5321 section 3.5.3: saying which addresses exist would help those who collect them.
void Session::handle(const Vrfy& c) {
    reply(c.ascii || c.smtputf8 ? replies::cannot_verify : replies::needs_smtputf8);
}

void Session::handle(const Help&) {
    std::vector<std::string_view> lines{"Commands:"};
    for (const Verb& row : verbs())
        if (!row.usage.empty()) lines.push_back(row.usage);
    std::string text;
    write_lines(text, 214, "2.0.0", lines);
    send(text);
}

void Session::handle(const Quit&) {
    reply(replies::bye);
    close();
}

void Session::handle(const StartTls&) {
    if (!tls_version_.empty()) return reply(replies::tls_active);
    if (!tls_offered_) return reply(replies::tls_unavailable);
    // What came behind STARTTLS came in clear, from whoever sits between: RFC 3207 section 4.2, CVE-2011-0411.
    if (!input_.empty()) return close_with(replies::injected, "bytes behind STARTTLS");
    reply(replies::start_tls);
    state_ = State::handshake;
    effects_.then = Effects::Then::start_tls;
}

// Nothing from before the handshake counts any more, RFC 3207 section 4.2.
void Session::tls_started(std::string_view version, std::string_view cipher, ipc::ChannelBindings bindings) {
    if (state_ != State::handshake) return;
    tls_version_ = version;
    tls_cipher_ = cipher;
    bindings_ = std::move(bindings);
    helo_.clear();
    state_ = State::fresh;
    effects_.events.push_back(event::TlsStarted{tls_version_, tls_cipher_});
    if (!greeted_once_) greet();
}

void Session::answer(std::uint32_t ticket, Answer answer, std::int64_t now) {
    if (state_ == State::closed) return;
    now_ = now;
    const auto hold = [&](auto verdict) {
        if (!hold_verdict(ticket, std::move(verdict))) return false;
        --open_questions_;
        release_held();
        return true;
    };
    if (auto* verdict = std::get_if<ipc::RecipientVerdict>(&answer)) {
        if (!hold(std::move(*verdict))) return;
    } else if (auto* deferred = std::get_if<RecipientDeferred>(&answer)) {
        if (!hold(std::move(*deferred))) return;
    } else {
        if (ticket == 0 || ticket != only_ticket_) return;
        only_ticket_ = 0;
        --open_questions_;
        std::visit([&](const auto& a) {
            using A = std::decay_t<decltype(a)>;
            if constexpr (!std::is_same_v<A, ipc::RecipientVerdict> && !std::is_same_v<A, RecipientDeferred>) on(a, now);
        }, answer);
    }
    run(now);
}

std::uint32_t Session::ask(Question question) {
    ++open_questions_;
    effects_.asks.push_back({next_ticket_, std::move(question)});
    return next_ticket_++;
}

void Session::reply(const Reply& reply, std::string_view detail) {
    std::string text;
    write_reply(text, reply, detail);
    if (held_.empty()) send(text);
    else held_.push_back({0, std::move(text), {}, {}});
}

void Session::send(std::string_view text) {
    if (state_ == State::closed) return;
    effects_.send.append(text);
    if (text.front() >= '4' && ++errors_ > limits_.errors && !role_.lmtp) close_with(replies::too_many_errors, "too many errors");
}

void Session::end_transaction() {
    abandon_large();
    transaction_ = {};
    header_ = {};
    repair_ = {};
    author_ = 0;
    body_ = {};
    if (state_ != State::closed && state_ != State::fresh) state_ = State::greeted;
}

void Session::time_out() {
    if (state_ == State::handshake) close();
    else close_with(replies::timed_out);
}

void Session::shut_down() {
    draining_ = true;
    drain();
}

void Session::drain() {
    if (state_ == State::handshake) close();
    else if (open_questions_ == 0 && in(State::fresh, State::greeted, State::auth).has(state_))
        close_with(replies::shutting_down);
}

void Session::make_way() {
    if (state_ == State::handshake) close();
    else close_with(replies::crowded);
}

void Session::peer_closed() { finish(); }

void Session::close_with(const Reply& reply, std::string_view abuse, std::string_view detail) {
    if (state_ == State::closed) return;
    write_reply(effects_.send, reply, detail);
    if (!abuse.empty()) effects_.events.push_back(event::Abuse{abuse});
    close();
}

void Session::close() {
    finish();
    effects_.then = Effects::Then::close;
}

void Session::finish() {
    if (state_ == State::closed) return;
    state_ = State::closed;
    abandon_large();
    end_auth();
    if (!handle_.empty()) effects_.tells.push_back(ipc::ReleaseHandle{handle_});
    effects_.events.push_back(event::Disconnected{messages_, errors_});
}

} // namespace postern::smtpd
