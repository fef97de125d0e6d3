#include "delivery/smtp/conversation.h"

#include "libcommon/text.h"

#include <sys/socket.h>

namespace postern::smtp_out {
namespace {

constexpr std::size_t block_size = 64 * 1024;
constexpr std::chrono::seconds farewell_time{5};

constexpr std::string_view wait_names[] = {"the connection", "the greeting", "a reply", "the TLS handshake", "the reply to DATA",
                                           "the message to be taken", "the reply to the message"};

std::string address_of(int socket) {
    sockaddr_storage own{};
    socklen_t size = sizeof own;
    if (::getsockname(socket, reinterpret_cast<sockaddr*>(&own), &size) != 0) return {};
    const auto address = IpAddress::of(own);
    return address ? address->text() : "";
}

OpeningSettings opening_settings(const Settings& settings, const Peer& peer) {
    return {settings.helo, peer.lmtp, peer.implicit_tls ? TlsUse::must : peer.tls.use, peer.implicit_tls, peer.credentials};
}

} // namespace

std::string Peer::address_text() const {
    const std::string text = address.text();
    return (address.is_v4() ? text : "[" + text + "]") + ":" + std::to_string(port);
}

Conversation::Conversation(Loop& loop, const Settings& settings, std::shared_ptr<const tls::ClientContext> tls, Peer peer)
    : loop_(loop), settings_(settings), context_(std::move(tls)), peer_(std::move(peer)), opening_(opening_settings(settings, peer_)),
      timer_(loop, [this] { lose("timed out waiting for " + std::string(wait_names[static_cast<std::size_t>(wait_)])); }) {}

Conversation::~Conversation() = default;

Wire Conversation::wire() const {
    Wire wire{opening_.capabilities(), peer_.lmtp, authentication_ != tls::Authentication::none, settings_.chunking};
    wire.offered.pipelining = wire.offered.pipelining && settings_.pipelining;
    return wire;
}

// ---- opening -------------------------------------------------------------------------------------------------------

void Conversation::open(std::function<void()> done) {
    dialogue_ = &opening_;
    done_ = std::move(done);
    connect_ = std::make_unique<Connect>(loop_, peer_.address, peer_.port, peer_.source,
                                         settings_.timeouts[static_cast<std::size_t>(Wait::connect)],
                                         [this](Result<Fd> socket) { connected(std::move(socket)); });
}

tls::Connection::Callbacks Conversation::callbacks() {
    return {[this](std::string_view bytes) { return take(bytes); },
            [this] { if (sending_) send_block(); },
            [this] { secured(); },
            [this](std::string_view why) {
                judge();
                lose(why);
                if (farewell_) loop_.defer([self = std::move(farewell_)] {});
            }};
}

void Conversation::connected(Result<Fd> socket) {
    if (!socket) {
        if (socket.error().code() == Errc::unavailable) opening_.on_no_socket();
        return lose(socket.error().message());
    }
    since_ = std::chrono::steady_clock::now();
    local_address_ = address_of(socket->get());
    if (!peer_.implicit_tls) {
        stream_ = std::make_unique<tls::Connection>(loop_, std::move(*socket), callbacks());
        return perform(opening_.begin());
    }
    opening_.on_handshake();
    auto tls = client_tls();
    if (!tls) return lose(tls.error().message());
    stream_ = std::make_unique<tls::Connection>(loop_, std::move(*socket), callbacks(), std::move(*tls));
    arm(Wait::tls);
}

// Whatever was planned otherwise is another session: a policy that changed, or one that is stricter, has everything shown again.
Result<tls::ClientTls> Conversation::client_tls() {
    const TlsPlan& plan = peer_.tls;
    const std::string place = peer_.host + ":" + std::to_string(peer_.port) + " " + std::to_string(static_cast<int>(plan.use)) + " " +
                              std::to_string(static_cast<int>(plan.basis)) + " " + plan.sts_id;
    return context_->connection(plan.identity, place);
}

void Conversation::judge() {
    if (peer_.tls.identity.proof != tls::ServerIdentity::Proof::nothing) fault_ = stream_->fault();
}

void Conversation::secured() {
    judge();
    authentication_ = stream_->authentication();
    resumed_ = stream_->is_resumed();
    tls_ = stream_->tls_version() + " " + stream_->tls_cipher() + " " + std::string(proof_name(peer_.tls, authentication_));
    perform(peer_.implicit_tls ? opening_.begin() : opening_.on_secured());
}

// ---- a dialogue ----------------------------------------------------------------------------------------------------

void Conversation::run(const Delivery& delivery, std::function<void()> done) {
    delivery_.emplace(delivery);
    stuffer_ = {};
    committed_ = false;
    ++transactions_;
    gone_ = nullptr;
    dialogue_ = &delivery.transaction;
    done_ = std::move(done);
    perform(dialogue_->begin());
}

void Conversation::arm(Wait wait) {
    wait_ = wait;
    timer_.once(settings_.timeouts[static_cast<std::size_t>(wait)]);
}

void Conversation::perform(Step step) {
    if (step.then == Step::Then::finished) {
        finish();
        if (!step.send.empty()) leave(step.send);
        return;
    }
    if (!step.send.empty()) stream_->write(step.send);
    switch (step.then) {
    case Step::Then::await: return arm(step.wait);
    case Step::Then::send_content: return send_content();
    case Step::Then::finished:
    case Step::Then::start_tls: break;
    }
    auto tls = client_tls();
    if (!tls) return lose(tls.error().message());
    stream_->start_tls(std::move(*tls));
    arm(step.wait);
}

// The time for a reply is for all of it: a server that sends it octet by octet gains nothing.
std::size_t Conversation::take(std::string_view bytes) {
    if (!dialogue_ || lost_) {
        surplus_ = true;                                     // nobody asked: what is said next could not be told apart
        if (gone_) std::exchange(gone_, nullptr)();
        return bytes.size();
    }
    std::size_t taken = 0;
    const auto state = reader_.take(bytes, taken);
    if (state == mail::SmtpReplyReader::State::malformed) {
        lose(reader_.fault());
        return bytes.size();
    }
    if (state == mail::SmtpReplyReader::State::complete) {
        timer_.cancel();
        perform(dialogue_->on_reply(reader_.reply()));
    }
    return taken;
}

void Conversation::lose(std::string_view why) {
    timer_.cancel();
    connect_.reset();
    sending_ = false;
    lost_ = true;
    if (stream_) stream_->close();
    if (gone_) std::exchange(gone_, nullptr)();
    if (!dialogue_) return;
    dialogue_->on_lost(why);
    finish();
}

void Conversation::cut(std::string_view why) {
    if (dialogue_ && !committed_) lose(why);
}

// Later: who is told may destroy what is running here.
void Conversation::finish() {
    timer_.cancel();
    dialogue_ = nullptr;
    sending_ = false;
    loop_.defer([self = shared_from_this()] { if (self->done_) std::exchange(self->done_, nullptr)(); });
}

// ---- the content ---------------------------------------------------------------------------------------------------

void Conversation::send_content() {
    sending_ = true;
    // From its beginning: it may have been read before, for another host or to see what is in it.
    if (auto ready = delivery_->content.rewind(delivery_->transaction.form()); !ready) return stop_content(deferred("4.3.0", ready.error().message()));
    send_block();
}

// One block at a time, the next when that has left: nobody's slowness makes us hold more.
void Conversation::send_block() {
    std::string block(block_size, '\0');
    const auto got = delivery_->content.read(block);
    if (!got) return stop_content(deferred("4.3.0", got.error().message()));
    block.resize(*got);
    std::string wire;
    if (delivery_->transaction.is_chunked()) wire = std::move(block);
    else stuffer_.append(wire, block);
    if (delivery_->content.is_at_end()) return send_last(std::move(wire));
    stream_->write(wire);
    arm(Wait::data_block);
}

// DESIGN section 5, rule 9: nothing is finished for a queue that is not there to record it.
void Conversation::send_last(std::string bytes) {
    if (!delivery_->may_commit()) return stop_content(deferred("4.3.2", "the queue manager is gone"));
    if (!delivery_->transaction.is_chunked()) stuffer_.finish(bytes);
    sending_ = false;
    committed_ = true;
    Step step = delivery_->transaction.on_last_byte();
    stream_->write(bytes);
    perform(std::move(step));
}

// In the middle of a content nothing can be said any more but the end.
void Conversation::stop_content(Outcome why) {
    delivery_->transaction.abandon(std::move(why));
    lost_ = true;
    if (stream_) stream_->close();
    finish();
}

// ---- between and after transactions ----------------------------------------------------------------------------------

void Conversation::rest(std::function<void()> gone) {
    delivery_.reset();
    gone_ = std::move(gone);
    timer_.cancel();
}

void Conversation::part(const std::shared_ptr<Conversation>& conversation) {
    conversation->gone_ = nullptr;
    if (conversation->is_usable()) conversation->leave("QUIT\r\n");
}

// The connection keeps itself until the words have left.
void Conversation::leave(std::string_view words) {
    lost_ = true;
    farewell_ = shared_from_this();
    stream_->write_last(words);
    timer_.once(farewell_time);
}

} // namespace postern::smtp_out
