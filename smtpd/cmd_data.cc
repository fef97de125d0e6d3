// DATA, and what becomes of a message whichever way it came: it streams through, and only what qmgr has on disk gets
// a 250.
#include "smtpd/received.h"
#include "smtpd/session.h"

#include "libcommon/text.h"

#include <fmt/format.h>

#include <iterator>

namespace postern::smtpd {
namespace {

constexpr Reply header_too_large{552, "5.3.4", "Header of the message is larger than this server takes"};
constexpr Reply too_many_hops{554, "5.4.6", "Too many Received lines, this message goes round in a loop"};

// In the order of ContentStream::Fault.
constexpr Reply fault_replies[] = {
    {},
    {550, "5.6.0", "Message has a bare <CR>: lines must end with <CR><LF>"},
    {550, "5.6.0", "Message has a bare <LF>: lines must end with <CR><LF>"},
    {550, "5.6.0", "Message has a NUL byte"},
    {550, "5.6.0", "Message has a line that is too long"},
    {552, "5.3.4", "Message is larger than this server takes"},
};
static_assert(std::size(fault_replies) == static_cast<std::size_t>(ContentStream::Fault::too_large) + 1);

// In the order of Transaction::Fit; RFC 1870 section 6.2, where the size is known only now.
constexpr Reply fit_replies[] = {
    {},
    replies::too_big_to_send,
    {552, "5.2.3", "Message is larger than one of its recipients takes"},
    {552, "5.2.2", "Mailbox is full"},
};
static_assert(std::size(fit_replies) == static_cast<std::size_t>(Transaction::Fit::over_quota) + 1);

} // namespace

void Session::handle(const Data&) {
    if (state_ == State::chunks) return reply(replies::data_behind_bdat);
    if (transaction_.body() == ipc::BodyKind::binary) return reply(replies::binary_needs_bdat);
    begin_content(ContentStream::Framing::dots);
    last_chunk_ = true;
    state_ = State::data;
    reply(replies::send_data);
}

void Session::begin_content(ContentStream::Framing framing) {
    stream_ = ContentStream(framing, {limits_.message_bytes, limits_.line_bytes, limits_.line_ends});
    body_.reserve(std::min(transaction_.announced_size(), limits_.inline_bytes));
    header_ = HeaderReader(role_.submission ? HeaderReader::For::submission : HeaderReader::For::relay,
                           framing == ContentStream::Framing::binary);
}

std::size_t Session::take_content(std::string_view bytes, std::int64_t now) {
    if (skip_ > 0) return skip(bytes.size());
    return state_ == State::data ? take_data(bytes, now) : take_chunk(bytes, now);
}

bool Session::content_is_whole() const {
    return state_ == State::data ? stream_.ended() : state_ == State::chunk && chunk_left_ == 0;
}

void Session::content_ended(std::int64_t now) {
    if (state_ == State::data) data_ended(now);
    else chunk_ended(now);
}

// Straight from the transport to where the message is kept; its header is looked at there.
std::size_t Session::feed(std::string_view bytes) {
    std::string& out = content();
    const std::size_t before = out.size();
    const std::size_t taken = stream_.feed(bytes, out);
    if (!header_.ended()) header_.pass(out, before);
    return taken;
}

std::size_t Session::take_data(std::string_view bytes, std::int64_t now) {
    const std::size_t taken = feed(bytes);
    received_ += taken;
    open_large_if_due();
    if (content_is_whole() && large_ != Large::asked) data_ended(now);
    return taken;
}

void Session::finish_content() {
    std::string& out = content();
    const std::size_t before = out.size();
    stream_.finish(out);
    if (!header_.ended()) header_.pass(out, before);
    header_.finish(out);
}

void Session::open_large_if_due() {
    if (stream_.fault() != ContentStream::Fault::none || large_ == Large::failed) body_.clear();
    if (body_.size() <= limits_.inline_bytes) return;
    large_ = Large::asked;
    only_ticket_ = ask(ipc::OpenLarge{client_.trace});
}

void Session::on(const ipc::LargeOpened& opened, std::int64_t now) {
    large_ = opened.status == ipc::SubmitStatus::accepted ? Large::open : Large::failed;
    large_status_ = opened.status;
    large_token_ = opened.token;
    if (large_ == Large::open) effects_.large.append(body_);
    body_ = {};
    if (content_is_whole()) content_ended(now);
}

void Session::data_ended(std::int64_t now) {
    finish_content();
    if (role_.submission)
        repair_ = repair({.header = header_.facts(), .reverse_path = transaction_.reverse_path(), .account = address_,
                          .smtputf8 = transaction_.smtputf8(), .trace = client_.trace, .number = messages_, .now = now});
    if (const auto refusal = why_refused()) return refuse_message(*refusal);
    check_authors(now);
}

const Reply* Session::fault_reply() const {
    const auto fault = static_cast<std::size_t>(stream_.fault());
    return fault == 0 ? nullptr : &fault_replies[fault];
}

const Reply& Session::reply_to_fit(Transaction::Fit fit) { return fit_replies[static_cast<std::size_t>(fit)]; }

HeaderChecks Session::header_checks() const {
    return role_.submission ? limits_.submission_header_checks : limits_.header_checks;
}

std::optional<Refusal> Session::why_refused() {
    const HeaderFacts& header = header_.facts();
    if (const Reply* fault = fault_reply()) return *fault;
    if (header.bytes > limits_.header_bytes) return header_too_large;
    if (header.received > limits_.hops) return too_many_hops;
    if (auto fault = header_fault({header, repair_.added, transaction_.smtputf8()}, header_checks())) {
        effects_.events.push_back(event::HeaderRefused{static_cast<std::size_t>(fault->rule - header_rules().data())});
        return Refusal(fault->rule->reply, std::move(fault->detail));
    }
    if (large_ == Large::failed) return reply_to_submission(large_status_);
    const auto fit = role_.lmtp ? drop_unfit() : transaction_.fit(stream_.size());
    return fit == Transaction::Fit::fits ? std::nullopt : std::optional<Refusal>(reply_to_fit(fit));
}

// Its sender and we may not agree on where the message ended: what follows is no command of this client's, even behind a
// literal <CRLF>.<CRLF> such as that in <CR><CR><LF>.<CR><LF>. A chunk's end is beyond doubt.
bool Session::end_is_doubtful() const {
    using Fault = ContentStream::Fault;
    const bool bare = stream_.fault() == Fault::bare_cr || stream_.fault() == Fault::bare_lf;
    return (bare && state_ == State::data) || stream_.end_is_doubtful();
}

void Session::refuse_message(const Refusal& refusal) {
    std::string reason(refusal.reply.text);
    if (!refusal.detail.empty()) reason.append(" ").append(refusal.detail);
    effects_.events.push_back(event::MessageRefused{transaction_.reverse_path(), message_id(), refusal.reply.code, std::move(reason)});
    end_message(refusal.reply, refusal.detail);
}

void Session::end_message(const Reply& answer, std::string_view detail) {
    const bool doubtful = end_is_doubtful();
    answer_message(answer, detail);
    if (doubtful) {
        effects_.events.push_back(event::Abuse{"bare line end in a message"});
        return close();
    }
    end_transaction();
}

void Session::submit(std::int64_t now) {
    const std::string local_user = role_.local ? fmt::format("{}, uid {}", address_, account_ - ipc::first_local_user) : "";
    TraceLines trace = trace_lines({.helo = helo_, .client = client_.address, .hostname = limits_.hostname,
                                    .extended = extended_, .authenticated = account_ != 0, .local_user = local_user,
                                    .hides_client = role_.submission && !limits_.submission_client,
                                    .smtputf8 = transaction_.smtputf8(), .lmtp = role_.lmtp,
                                    .tls_version = tls_version_, .tls_cipher = tls_cipher_,
                                    .only_recipient = transaction_.only_recipient(), .now = now});
    ipc::Submit submit;
    submit.envelope.trace = client_.trace;
    submit.envelope.reverse_path = transaction_.reverse_path();
    submit.envelope.recipients = transaction_.take_recipients();
    submit.envelope.client = client_.address;
    submit.envelope.sender = account_;
    submit.envelope.body = transaction_.body();
    submit.envelope.extensions = transaction_.take_extensions();
    submit.envelope.forwarded = transaction_.take_forwarded();
    submit.envelope.trace_head = std::move(trace.head);
    submit.envelope.trace_tail = trace.tail + repair_.lines;
    submit.handle = handle_;
    submit.large = large_ == Large::open ? large_token_ : 0;
    submit.body = std::move(body_);
    body_ = {};
    large_ = Large::none;                           // the token is qmgr's again: nothing to abandon
    state_ = State::submitting;
    only_ticket_ = ask(std::move(submit));
}

void Session::on(const ipc::Submitted& submitted, std::int64_t) {
    const Reply& answer = reply_to_submission(submitted.status);
    std::string detail;
    if (answer.is_error()) {
        detail = submitted.reason.empty() ? std::string() : "(" + printable(submitted.reason) + ")";
        effects_.events.push_back(event::MessageRefused{transaction_.reverse_path(), message_id(), answer.code,
                                                        std::string(answer.text) + " " + detail});
    } else {
        detail = submitted.id.text();
        ++messages_;
        junk_ = 0;
        effects_.events.push_back(event::MessageAccepted{submitted.id, transaction_.reverse_path(), message_id(), stream_.size(),
                                                         transaction_.accepted()});
    }
    end_message(answer, detail);
}

void Session::abandon_large() {
    if (large_ == Large::open) effects_.tells.push_back(ipc::AbandonLarge{large_token_});
    large_ = Large::none;
}

} // namespace postern::smtpd
