// One connection to a server: it performs the steps of the dialogues on it, measures their time, and streams the content.
// The only file of smtp-out that knows sockets and TLS connections.
#pragma once

#include "delivery/smtp/config.h"
#include "delivery/smtp/connect.h"
#include "delivery/smtp/dot_stuffing.h"
#include "delivery/smtp/message.h"
#include "delivery/smtp/transaction.h"
#include "libtls/connection.h"

namespace postern::smtp_out {

struct Peer {
    std::string host;                        // its name, or its address where it has none
    IpAddress address;
    std::uint16_t port = 25;
    std::optional<IpAddress> source;
    bool is_best = true;                     // of the destination's hosts none is preferred to it
    bool lmtp = false, implicit_tls = false;
    TlsPlan tls = {};
    std::optional<Credentials> credentials = {};
    std::string address_text() const;        // "192.0.2.1:25", "[2001:db8::1]:25"
};

class Conversation : public std::enable_shared_from_this<Conversation> {
  public:
    Conversation(Loop& loop, const Settings& settings, std::shared_ptr<const tls::ClientContext> tls, Peer peer);
    ~Conversation();

    // Connects, and says all that comes before MAIL; `done` when it is ready or not: see opening().
    void open(std::function<void()> done);
    // One transaction with the content it sends. `may_commit` is asked right before the last byte leaves.
    struct Delivery {
        Transaction& transaction;
        Content& content;
        std::function<bool()> may_commit;
    };
    void run(const Delivery& delivery, std::function<void()> done);
    // What runs ends as lost. Not behind the last byte of a content: then only the reply is waited for.
    void cut(std::string_view why);

    // Between transactions: `gone` when the peer ends it or says anything.
    void rest(std::function<void()> gone);
    // The end, politely: QUIT, and a moment for it to leave.
    static void part(const std::shared_ptr<Conversation>& conversation);

    const Peer& peer() const { return peer_; }
    const Opening& opening() const { return opening_; }
    Wire wire() const;
    bool is_usable() const { return stream_ && !lost_ && !surplus_; }
    std::size_t transactions() const { return transactions_; }
    std::chrono::steady_clock::time_point since() const { return since_; }
    const std::string& tls() const { return tls_; }          // "TLSv1.3 TLS_AES_256_GCM_SHA384 dane-ee"; empty in clear
    bool is_resumed() const { return resumed_; }             // of TLS, the session
    tls::Authentication authentication() const { return authentication_; }
    // What was wrong with its certificate, where it was to prove something by it, whether or not that was demanded.
    const tls::PeerFault& fault() const { return fault_; }
    const std::string& local_address() const { return local_address_; }      // ours, "192.0.2.1"

  private:
    void connected(Result<Fd> socket);
    tls::Connection::Callbacks callbacks();
    Result<tls::ClientTls> client_tls();
    void judge();
    void secured();
    std::size_t take(std::string_view bytes);
    void perform(Step step);
    void begin(Dialogue& dialogue, std::function<void()> done);
    void arm(Wait wait);
    void send_content();
    void send_block();
    void send_last(std::string bytes);
    void stop_content(Outcome why);
    void leave(std::string_view words);
    void lose(std::string_view why);
    void finish();

    Loop& loop_;
    const Settings& settings_;
    std::shared_ptr<const tls::ClientContext> context_;
    Peer peer_;
    Opening opening_;
    std::unique_ptr<Connect> connect_;
    std::unique_ptr<tls::Connection> stream_;
    mail::SmtpReplyReader reader_;
    Dialogue* dialogue_ = nullptr;                           // what runs
    std::optional<Delivery> delivery_;                       // if it is a transaction
    DotStuffer stuffer_;
    bool sending_ = false, committed_ = false, lost_ = false, surplus_ = false;
    std::function<void()> done_, gone_;
    Timer timer_;
    Wait wait_ = Wait::connect;
    std::size_t transactions_ = 0;
    std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
    std::string tls_;
    bool resumed_ = false;
    tls::Authentication authentication_ = tls::Authentication::none;
    tls::PeerFault fault_;
    std::string local_address_;
    std::shared_ptr<Conversation> farewell_;                 // itself, while QUIT leaves
};

} // namespace postern::smtp_out
