// What answers say about a question: CNAMEs followed through them, "no" told apart from "cannot say". One reply may end it, or
// lead to a name that has to be asked for. Pure.
#pragma once

#include "resolvd/packet.h"

namespace postern::dns {

class Chain {
  public:
    static constexpr unsigned max_links = 12;     // CNAMEs, over all replies: beyond it is a circle, or as good as one

    explicit Chain(const Question& question);

    enum class Step : std::uint8_t {
        done,            // answer() has it
        go_on,           // question() is what to ask next
        refused,         // this server cannot say: why()
    };
    // `trusted`: this server's AD counts.
    Step take(const Reply& reply, bool trusted);

    const Question& question() const { return question_; }
    const std::string& why() const { return why_; }
    // With the TTL that the records or the denial have: 0 where nobody says how long a "no" holds.
    const ipc::DnsAnswer& answer() const { return answer_; }

  private:
    Step refuse(std::string why);
    Step fail(std::string why);
    Step read(const Reply& reply);
    bool follow(const Reply& reply);
    bool collect(const Reply& reply);
    Step deny(const Reply& reply, unsigned links_before);

    Question question_;
    unsigned links_ = 0;
    ipc::DnsAnswer answer_;
    std::string why_;
};

} // namespace postern::dns
