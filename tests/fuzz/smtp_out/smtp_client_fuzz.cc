// A server says whatever it likes to a client of ours: the opening, then a transaction. The first octet chooses what is sent.
#include "delivery/smtp/dot_stuffing.h"
#include "delivery/smtp/opening.h"
#include "delivery/smtp/transaction.h"
#include "tests/fuzz/libmail/fuzz.h"

using namespace postern;
using namespace postern::smtp_out;

namespace {

// What we say is commands: whole lines of printable octets, never one that a server's words could have made two of.
void require_commands(std::string_view sent) {
    fuzz_require(sent.empty() || sent.ends_with("\r\n"));
    for (std::size_t i = 0; i < sent.size(); ++i) {
        fuzz_require(sent[i] != '\r' || sent[i + 1] == '\n');
        fuzz_require(sent[i] != '\n' || (i > 0 && sent[i - 1] == '\r'));
    }
}

class Server {
  public:
    explicit Server(std::string_view bytes) : bytes_(bytes) {}

    // False: it has nothing more to say, or what it says is no reply.
    bool next_reply() {
        std::size_t taken = 0;
        const auto state = reader_.take(bytes_, taken);
        bytes_.remove_prefix(taken);
        return state == mail::SmtpReplyReader::State::complete;
    }
    const mail::SmtpReply& reply() const { return reader_.reply(); }

  private:
    std::string_view bytes_;
    mail::SmtpReplyReader reader_;
};

bool open(Opening& opening, Server& server) {
    Step step = opening.begin();
    while (step.then != Step::Then::finished) {
        require_commands(step.send);
        if (step.then == Step::Then::start_tls) {
            step = opening.on_secured();
        } else if (server.next_reply()) {
            step = opening.on_reply(server.reply());
        } else {
            opening.on_lost("no more");
            return false;
        }
    }
    return opening.is_ready();
}

void transact(Transaction& transaction, Server& server) {
    bool committed = false;
    Step step = transaction.begin();
    while (step.then != Step::Then::finished) {
        require_commands(step.send);
        if (step.then == Step::Then::send_content && !committed) {
            committed = true;
            step = transaction.on_last_byte();
        } else if (server.next_reply()) {
            fuzz_require(step.then != Step::Then::start_tls);
            step = transaction.on_reply(server.reply());
        } else {
            transaction.on_lost("no more");
            break;
        }
    }
    for (const auto& outcome : transaction.outcomes()) {
        if (!outcome) continue;
        fuzz_require(outcome->code.size() >= 5 && outcome->text.size() <= 600);
        fuzz_require(outcome->status != ipc::DeliveryStatus::delivered || committed);
    }
    fuzz_require(!transaction.is_uncertain() || committed);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const unsigned kind = data[0];
    Server server(fuzz_text(data + 1, size - 1));
    OpeningSettings settings;
    settings.helo = "us.example";
    settings.lmtp = (kind & 1) != 0;
    settings.tls = (kind & 2) != 0 ? TlsUse::must : TlsUse::may;
    if ((kind & 4) != 0) settings.credentials = Credentials{"joe", "secret"};
    Opening opening(settings);
    if (!open(opening, server)) return 0;
    Outgoing message;
    message.reverse_path = "me@a.example";
    message.size = 100;
    message.survey = [] { return Survey{}; };
    message.seven_bit_size = [] { return Result<std::uint64_t>(120); };
    message.smtputf8 = (kind & 8) != 0;
    message.body_kind = (kind & 16) != 0 ? ipc::BodyKind::eight_bit : ipc::BodyKind::seven_bit;
    for (std::uint32_t i = 0; i < 3; ++i) message.recipients.push_back({i, "r" + std::to_string(i) + "@b.example", 2, "rfc822;x@y"});
    Transaction transaction(message, {opening.capabilities(), settings.lmtp, true, true}, {0, 1, 2});
    transact(transaction, server);
    return 0;
}
