// TLS sessions with servers, kept to be resumed: no certificate is shown then, so what the server had proved when the session was
// made counts. Hence each is kept under all that this proof depended on, and never found under anything else.
#pragma once

#include "libcommon/owned.h"
#include "libtls/client.h"

#include <cstddef>
#include <ctime>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>

struct ssl_session_st;

namespace postern::tls {

struct SessionRelease { void operator()(ssl_session_st* session) const noexcept; };
using Session = std::unique_ptr<ssl_session_st, SessionRelease>;

// At most so many, the one used least lately goes; of each key the newest alone.
class Sessions {
  public:
    struct Kept {
        Session session;
        Authentication proved = Authentication::none;
    };
    explicit Sessions(std::size_t most) : most_(most) {}

    void put(const std::string& key, Kept kept);
    // Takes it out: a ticket is used once (RFC 8446 appendix C.4), and one whose handshake fails is gone. Nothing where its time, or
    // that of the certificate it stands for, is over.
    Kept take(const std::string& key, std::time_t now);
    std::size_t size() const { return order_.size(); }

  private:
    struct Entry {
        std::string key;
        Kept kept;
    };
    std::size_t most_;
    std::list<Entry> order_;                     // the newest first
    std::unordered_map<std::string, std::list<Entry>::iterator> by_key_;
};

// Of a context of clients: what its connections are given, and does prove what was asked of them, is kept from now on.
void keep_sessions(ssl_ctx_st* context);
// This connection is of that kind, and resumes what is there. Before its handshake.
void resume_session(ssl_st* connection, std::shared_ptr<Sessions> sessions, std::string key, bool must_prove);
// Its handshake is complete: a session of TLS 1.2 that was resumed may be so again.
void session_resumed(ssl_st* connection);
// What the server had proved in the session that this connection resumed; none: it resumed none.
Authentication proved_before(const ssl_st* connection);

} // namespace postern::tls
