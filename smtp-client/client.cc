#include "smtp-client/client.h"

#include "libcommon/text.h"
#include "libmail/chars.h"
#include "libmail/date.h"

#include <algorithm>
#include <ctime>
#include <fmt/core.h>
#include <fstream>
#include <iostream>
#include <iterator>
#include <netdb.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>

namespace postern::smtp_client {
namespace {

using ipc::DeliveryStatus;
using Protocol = mail::NextHop::Protocol;

std::uint16_t port_of(const mail::NextHop& hop) {
    if (hop.port != 0) return hop.port;
    return hop.protocol == Protocol::smtps ? 465 : hop.protocol == Protocol::lmtp ? 24 : 25;
}

smtp_out::Settings settings_of(const Options& options) {
    smtp_out::Settings settings;
    settings.helo = options.helo;
    settings.timeouts.fill(options.timeout);
    settings.chunking = options.chunking;
    settings.pipelining = options.pipelining;
    return settings;
}

smtp_out::Outgoing outgoing_of(const Options& options, smtp_out::Content& content) {
    smtp_out::Outgoing message;
    message.reverse_path = options.sender;
    for (const std::string& address : options.recipients)
        message.recipients.push_back({static_cast<std::uint32_t>(message.recipients.size()), address, options.notify, {}});
    const smtp_out::Survey survey = content.survey();
    message.body_kind = options.binary ? ipc::BodyKind::binary : survey.eight_bit() ? ipc::BodyKind::eight_bit : ipc::BodyKind::seven_bit;
    message.smtputf8 = options.smtputf8;
    message.require_tls = options.require_tls;
    message.ret = options.ret;
    message.envelope_id = options.envelope_id;
    message.size = content.size();
    message.survey = [&content] { return content.survey(); };
    message.seven_bit_size = [&content] { return content.seven_bit_size(); };
    return message;
}

std::string made_message(const Options& options) {
    return fmt::format("Date: {}\r\nFrom: <{}>\r\nTo: {}\r\nSubject: a message of postern-smtp-client\r\nMessage-ID: <{}@{}>\r\n\r\n"
                       "This message was sent to see what becomes of it.\r\n",
                       mail::format_date({std::time(nullptr), 0}), options.sender.empty() ? "postmaster@" + options.helo : options.sender,
                       options.recipients.empty() ? "" : "<" + options.recipients.front() + ">", TraceId::make().text(), options.helo);
}

std::string with_crlf(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) out.push_back('\r');
        out.push_back(text[i]);
    }
    return out;
}

std::string offers(const smtp_out::Capabilities& offered) {
    std::string out;
    const std::pair<bool, std::string_view> names[] = {
        {offered.eight_bit, "8BITMIME"}, {offered.auth_login, "AUTH-LOGIN"}, {offered.auth_plain, "AUTH-PLAIN"},
        {offered.binarymime, "BINARYMIME"}, {offered.chunking, "CHUNKING"}, {offered.dsn, "DSN"}, {offered.pipelining, "PIPELINING"},
        {offered.require_tls, "REQUIRETLS"}, {offered.smtputf8, "SMTPUTF8"}, {offered.starttls, "STARTTLS"}};
    for (const auto& [is_offered, name] : names)
        if (is_offered) out.append(" ").append(name);
    if (offered.size) out += offered.max_size == 0 ? " SIZE" : fmt::format(" SIZE={}", offered.max_size);
    return out.empty() ? " nothing" : out;
}

void say(std::string_view what, const smtp_out::Outcome& outcome) {
    constexpr std::string_view words[] = {"delivered", "deferred", "failed"};
    fmt::print("{} {} {} {}\n", what, words[static_cast<std::size_t>(outcome.status)], outcome.code, outcome.text);
}

int exit_code_for(DeliveryStatus status) {
    constexpr int codes[] = {EX_OK, EX_TEMPFAIL, EX_UNAVAILABLE};
    return codes[static_cast<std::size_t>(status)];
}

} // namespace

Result<std::vector<IpAddress>> addresses_of(const mail::NextHop& hop) {
    if (hop.address) return std::vector<IpAddress>{*hop.address};
    addrinfo hints{}, *found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    if (const int failed = ::getaddrinfo(hop.host.c_str(), nullptr, &hints, &found); failed != 0)
        return Error(Errc::not_found, hop.host + ": " + ::gai_strerror(failed));
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> all(found, ::freeaddrinfo);
    std::vector<IpAddress> addresses;
    for (const addrinfo* at = all.get(); at; at = at->ai_next) {
        char text[NI_MAXHOST] = {};
        if (::getnameinfo(at->ai_addr, at->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) != 0) continue;
        if (const auto address = IpAddress::parse(text)) addresses.push_back(*address);
    }
    return addresses;
}

Result<smtp_out::Content> content_of(const Options& options) {
    std::string text = made_message(options);
    if (options.message_file) {
        std::ifstream file;
        if (*options.message_file != "-") file.open(*options.message_file, std::ios::binary);
        std::istream& in = *options.message_file == "-" ? std::cin : file;
        text.assign(std::istreambuf_iterator<char>(in), {});
        if (!in && !in.eof()) return Error(Errc::not_found, *options.message_file + " cannot be read");
        if (!options.raw) text = with_crlf(text);
    }
    Fd memory(::memfd_create("message", MFD_CLOEXEC));
    for (std::string_view rest = text; !rest.empty();) {
        const ssize_t written = ::write(memory.get(), rest.data(), rest.size());
        if (written < 0) return Error::from_errno("keep the message");
        rest.remove_prefix(static_cast<std::size_t>(written));
    }
    ipc::Deliver job;
    job.large = true;
    return smtp_out::Content::of(job, std::move(memory));
}

Client::Client(Options options, std::shared_ptr<const tls::ClientContext> tls, std::vector<IpAddress> addresses, smtp_out::Content content)
    : options_(std::move(options)), settings_(settings_of(options_)), tls_(std::move(tls)), addresses_(std::move(addresses)),
      content_(std::move(content)), message_(outgoing_of(options_, content_)), outcomes_(message_.recipients.size()), exit_code_(EX_TEMPFAIL) {}

int Client::run() {
    loop_.defer([this] { next_address(); });
    loop_.run();
    return exit_code_;
}

void Client::next_address() {
    if (addresses_.empty()) return loop_.stop();
    smtp_out::Peer peer{options_.hop.host, addresses_.front(), port_of(options_.hop), options_.source};
    addresses_.erase(addresses_.begin());
    peer.lmtp = options_.hop.protocol == Protocol::lmtp;
    peer.implicit_tls = options_.hop.protocol == Protocol::smtps;
    peer.tls = smtp_out::plan_tls({options_.tls, options_.require_tls, false}, options_.hop, options_.hop.host, {}, {});
    peer.credentials = options_.credentials;
    // It keeps itself until QUIT has left; then nothing is left to be done.
    conversation_ = std::shared_ptr<smtp_out::Conversation>(new smtp_out::Conversation(loop_, settings_, tls_, std::move(peer)),
                                                            [this](smtp_out::Conversation* gone) {
                                                                delete gone;
                                                                if (over_) loop_.stop();
                                                            });
    conversation_->open([this] { opened(); });
}

void Client::opened() {
    const smtp_out::Opening& opening = conversation_->opening();
    const std::string peer = conversation_->peer().address_text();
    if (!opening.is_ready()) {
        say(peer, opening.problem());
        return loop_.defer([this] {
            conversation_.reset();
            next_address();
        });
    }
    fmt::print("{} {}\n{} offers{}\n", peer, conversation_->tls().empty() ? "in clear" : conversation_->tls(), peer, offers(opening.capabilities()));
    exit_code_ = EX_OK;
    if (options_.recipients.empty()) part();
    else transact();
}

void Client::transact() {
    std::vector<std::size_t> undecided;
    for (std::size_t place = 0; place < outcomes_.size(); ++place)
        if (!outcomes_[place]) undecided.push_back(place);
    transaction_.emplace(message_, conversation_->wire(), std::move(undecided));
    conversation_->run({*transaction_, content_, [] { return true; }}, [this] { transacted(); });
}

void Client::transacted() {
    for (std::size_t place = 0; place < outcomes_.size(); ++place)
        if (!outcomes_[place]) outcomes_[place] = transaction_->outcomes()[place];
    if (transaction_->wants_more() && transaction_->is_reusable() && conversation_->is_usable()) return transact();
    std::vector<DeliveryStatus> all;
    for (std::size_t place = 0; place < outcomes_.size(); ++place) {
        const smtp_out::Outcome& said = outcomes_[place] ? *outcomes_[place] : transaction_->problem();
        say(message_.recipients[place].address, said);
        all.push_back(said.status);
    }
    exit_code_ = exit_code_for(*std::max_element(all.begin(), all.end()));
    part();
}

void Client::part() {
    over_ = true;
    loop_.defer([this] {
        smtp_out::Conversation::part(conversation_);
        conversation_.reset();
    });
}

} // namespace postern::smtp_client
