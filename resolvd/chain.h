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
        unclear,         // nor can this one, and whether DNSSEC is why it does not say: what it answers unchecked tells
        bogus,           // it can, and must not: the answer is not what its zone signed; why()
    };
    // `trusted`: this server's AD counts, and so does its SERVFAIL (RFC 4035 section 5.5).
    Step take(const Reply& reply, bool trusted);
    // The same server's reply to the same question with CD, after an unclear one: refused or bogus.
    Step take_unchecked(const Reply& reply);

    const Question& question() const { return question_; }
    const std::string& why() const { return why_; }
    // With the TTL that the records or the denial have: 0 where nobody says how long a "no" holds.
    const ipc::DnsAnswer& answer() const { return answer_; }

  private:
    Step refuse(std::string why);
    Step reject(std::string_view why);
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
