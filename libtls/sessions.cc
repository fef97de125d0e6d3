#include "libtls/sessions.h"

#include <algorithm>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace postern::tls {
namespace {

// OpenSSL keeps a session for two hours unless it is told otherwise; a server that says less of its ticket means it.
bool is_over(const SSL_SESSION* session, std::time_t now) {
    long life = SSL_SESSION_get_timeout(session);
    if (const auto hint = static_cast<long>(SSL_SESSION_get_ticket_lifetime_hint(session)); hint != 0) life = std::min(life, hint);
    if (now >= SSL_SESSION_get_time(session) + life || SSL_SESSION_is_resumable(session) != 1) return true;
    const X509* certificate = SSL_SESSION_get0_peer(const_cast<SSL_SESSION*>(session));
    return certificate && X509_cmp_time(X509_get0_notAfter(certificate), &now) < 0;
}

// What a connection has to know for its sessions; OpenSSL holds it, and lets it go with the connection.
struct Origin {
    std::shared_ptr<Sessions> sessions;
    std::string key;
    bool must_prove = false;
    Authentication proved = Authentication::none;        // by the session it begins with
};

int origin_index() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, [](void*, void* origin, CRYPTO_EX_DATA*, int, long, void*) {
        delete static_cast<Origin*>(origin);
    });
    return index;
}

const Origin* origin_of(const SSL* connection) { return static_cast<const Origin*>(SSL_get_ex_data(connection, origin_index())); }

// A session in which nothing was proved where a proof is asked for would be one to be resumed without it.
void keep(SSL* connection, const Origin& origin, Session session) {
    const Authentication proved = authentication_of(connection);
    if (origin.must_prove && proved == Authentication::unverified) return;
    origin.sessions->put(origin.key, {std::move(session), proved});
}

// OpenSSL calls it for each ticket of TLS 1.3, and at the end of a handshake of TLS 1.2. 1: the reference is ours.
int came(SSL* connection, SSL_SESSION* session) {
    const Origin* origin = origin_of(connection);
    if (!origin) return 0;
    keep(connection, *origin, Session(session));
    return 1;
}

} // namespace

void SessionRelease::operator()(ssl_session_st* session) const noexcept { SSL_SESSION_free(session); }

void Sessions::put(const std::string& key, Kept kept) {
    if (const auto old = by_key_.find(key); old != by_key_.end()) {
        order_.erase(old->second);
        by_key_.erase(old);
    }
    order_.push_front({key, std::move(kept)});
    by_key_.emplace(key, order_.begin());
    while (order_.size() > most_) {
        by_key_.erase(order_.back().key);
        order_.pop_back();
    }
}

Sessions::Kept Sessions::take(const std::string& key, std::time_t now) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return {};
    Kept kept = std::move(found->second->kept);
    order_.erase(found->second);
    by_key_.erase(found);
    return is_over(kept.session.get(), now) ? Kept{} : std::move(kept);
}

void keep_sessions(ssl_ctx_st* context) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, came);
}

void resume_session(ssl_st* connection, std::shared_ptr<Sessions> sessions, std::string key, bool must_prove) {
    Sessions::Kept kept = sessions->take(key, std::time(nullptr));
    if (kept.session && SSL_set_session(connection, kept.session.get()) != 1) kept = {};
    SSL_set_ex_data(connection, origin_index(), new Origin{std::move(sessions), std::move(key), must_prove, kept.proved});
}

void session_resumed(ssl_st* connection) {
    const Origin* origin = origin_of(connection);
    if (!origin || SSL_session_reused(connection) != 1 || SSL_version(connection) >= TLS1_3_VERSION) return;
    keep(connection, *origin, Session(SSL_get1_session(connection)));
}

Authentication proved_before(const ssl_st* connection) {
    const Origin* origin = origin_of(connection);
    return origin && SSL_session_reused(connection) == 1 ? origin->proved : Authentication::none;
}

} // namespace postern::tls
