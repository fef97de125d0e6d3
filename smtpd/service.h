// Sockets and events in, session steps out: accepts, keeps the time, and does what sessions want done.
#pragma once

#include "ipc/daemon.h"
#include "libcommon/proxies.h"
#include "libtls/certificates.h"
#include "libtls/connection.h"
#include "smtpd/door.h"
#include "smtpd/policy.h"
#include "smtpd/session.h"

#include <array>
#include <list>
#include <optional>
#include <unordered_map>

namespace postern::smtpd {

class Service {
  public:
    explicit Service(ipc::Daemon& daemon);
    ~Service();

  private:
    struct Port;
    struct Conversation;

    // A client has its reply within 30 s, whoever hangs behind us. qmgr asks authd, too, before it answers, and waits 20 s.
    static constexpr std::chrono::seconds question_deadline{20}, submit_deadline{25};

    void open_ports();
    void load_settings();
    void accept_from(Port& port);
    void arrive(Fd socket, const Role& role, const IpAddress& source);
    void greet(Fd socket, const Role& role, TraceId trace, const IpAddress& address, const std::optional<IpAddress>& local = {});
    void admit(Visitor visitor);
    void begin(Visitor visitor, bool trusted);
    void refuse(const Visitor& visitor);
    void make_room(Seats::Rank rank);
    bool takes_more(const Role& role);
    void take_breath(Port& port);
    void breathe();

    std::size_t on_data(Conversation& c, std::string_view bytes);
    void on_secured(Conversation& c);
    void on_closed(Conversation& c, std::string_view why);
    void on_answer(std::uint64_t id, std::uint32_t ticket, Answer answer, Fd descriptor);
    void after_step(Conversation& c);
    void discard(const Answer& answer);

    void perform(Conversation& c);
    void ask(Conversation& c, Ask& question);
    template <ipc::Request Q>
    void put(ipc::Link& link, Conversation& c, std::uint32_t ticket, const Q& question, Fd passed = {});
    void ask_recipient(Conversation& c, std::uint32_t ticket, const ipc::ResolveRecipient& question, bool first);
    void answer_recipient(std::uint64_t id, std::uint32_t ticket, ipc::RecipientVerdict verdict, const ipc::RecipientPolicy& policy);
    void answer_late(Conversation& c, std::uint32_t ticket, ipc::RecipientVerdict verdict, std::chrono::milliseconds delay);
    void change_client(Conversation& c, std::uint32_t ticket, const ipc::CheckClient& question);
    void note_accepted(Conversation& c);
    void submit(Conversation& c, std::uint32_t ticket, ipc::Submit& message);
    void write_large(Conversation& c, std::string_view bytes);
    void tell(const Tell& message);

    void tick();
    void drain();
    void shut_down_sessions();
    void drained_if_empty();

    ipc::Daemon& daemon_;
    ipc::Link& authd_;
    ipc::Link& qmgr_;
    Policy policy_;
    Proxies proxies_;
    std::vector<Network> xclient_networks_;
    Seats seats_;                        // outlives those who sit
    Door door_;
    Limits limits_;
    tls::Certificates certificates_;
    std::shared_ptr<const tls::Context> tls_;
    Effects effects_;                    // of the step that runs now: its memory serves every session
    bool performing_ = false;
    bool draining_ = false;
    std::chrono::steady_clock::time_point patient_until_{};   // while draining: until then only quiet sessions are ended
    std::array<std::chrono::steady_clock::time_point, 3> looked_in_vain_{};   // by rank, for somebody to make way
    unsigned refusals_ = 0;              // for want of seats, since the last pause
    bool out_of_breath_ = false;         // a port is not accepted on
    std::uint64_t next_id_ = 1;
    std::list<Port> ports_;
    std::unordered_map<std::uint64_t, std::unique_ptr<Conversation>> conversations_;
    Timer clock_;
    Timer breath_;
};

} // namespace postern::smtpd
