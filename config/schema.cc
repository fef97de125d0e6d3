#include "config/schema.h"

#include <algorithm>
#include <vector>

namespace postern::config {
namespace {

using S = ipc::ServiceId;
constexpr std::uint32_t nobody = 0;
constexpr std::uint32_t everybody = ~0U;
constexpr std::uint32_t smtpd = bit(S::smtpd), qmgr = bit(S::qmgr), local = bit(S::local), authd = bit(S::authd);
constexpr std::uint32_t policyd = bit(S::policyd), resolvd = bit(S::resolvd), bounce = bit(S::bounce), smtp_out = bit(S::smtp_out);
constexpr std::uint32_t fetch = bit(S::fetch), tlspolicyd = bit(S::tlspolicyd);
constexpr std::uint32_t login = bit(S::imap_login), imapd = bit(S::imapd), logd = bit(S::logd);
constexpr std::uint32_t api = bit(S::api_front) | bit(S::api_local);
constexpr std::uint64_t second = 1000, minute = 60 * second, hour = 60 * minute;
constexpr std::uint64_t kib = 1024, mib = 1024 * kib, gib = 1024 * mib;

constexpr Option flag(std::string_view key, std::string_view fallback, std::uint32_t services, std::string_view help) {
    return {key, Kind::flag, fallback, 0, 0, {}, services, help};
}
constexpr Option text(Kind kind, std::string_view key, std::string_view fallback, std::uint32_t services,
                      std::string_view help) {
    return {key, kind, fallback, 0, 0, {}, services, help};
}
constexpr Option range(Kind kind, std::string_view key, std::string_view fallback, std::uint64_t min,
                       std::uint64_t max, std::uint32_t services, std::string_view help) {
    return {key, kind, fallback, min, max, {}, services, help};
}

constexpr Option table[] = {
    // server: this host
    text(Kind::text, "server.hostname", "", everybody, "fully qualified name of this host; the system's own when empty"),
    text(Kind::path, "server.state_dir", "/var/lib/postern", nobody, "accounts, spool and other state"),
    text(Kind::path, "server.run_dir", "/run/postern", nobody, "named sockets: api.sock, control.sock"),
    flag("server.seccomp", "true", nobody, "confine each daemon to its list of system calls"),
    range(Kind::duration, "server.drain_timeout", "10s", 0, hour, nobody, "how long a stop waits for running work"),

    // smtp: intake and submission
    text(Kind::addresses, "smtp.listen_addr", "0.0.0.0:25", smtp_out, "where other servers deliver"),
    text(Kind::addresses, "smtp.submission_addr", "0.0.0.0:587", nobody, "submission with STARTTLS"),
    text(Kind::addresses, "smtp.submissions_addr", "0.0.0.0:465", nobody, "submission with implicit TLS"),
    text(Kind::path, "smtp.tls_cert", "", nobody, "certificate chain, PEM"),
    text(Kind::path, "smtp.tls_key", "", nobody, "private key of smtp.tls_cert, PEM; read by keyd only"),
    range(Kind::number, "smtp.max_size_mb", "25", 1, 10240, smtpd, "largest message taken, in MiB"),
    range(Kind::number, "smtp.max_recipients", "1000", 100, 1000, smtpd, "recipients of one transaction"),
    range(Kind::number, "smtp.max_errors", "20", 1, 1000, smtpd, "replies of 400 and over before a client is hung up on"),
    range(Kind::number, "smtp.max_junk_commands", "100", 10, 100000, smtpd, "NOOP, RSET, EHLO, HELP and VRFY of a client between two messages before it is hung up on"),
    range(Kind::number, "smtp.max_login_failures", "5", 1, 100, smtpd, "failed logins of one connection"),
    range(Kind::size, "smtp.max_command_line", "2048", 512, 16384, smtpd, "a command line with its CRLF; AUTH may have 12288"),
    range(Kind::size, "smtp.max_message_line", "64KiB", 998, 1 * gib, smtpd, "a line of a message; RFC 5321 promises 998"),
    {"smtp.bare_line_ends", Kind::choice, "refuse", 0, 0, "refuse|normalize", smtpd, "what becomes of a message with a lone CR or LF: refused, or each becomes CRLF; neither ever ends a message"},
    range(Kind::number, "smtp.max_hops", "100", 10, 1000, smtpd, "Received lines before a message counts as looping; RFC 5321 section 6.3 asks for 100 at least"),
    range(Kind::size, "smtp.max_header", "16MiB", 64 * kib, 1 * gib, smtpd, "header of a message, all its fields"),
    {"smtp.header_checks", Kind::choice, "author", 0, 0, "off|author|shown|strict", smtpd, "what is refused for its header on port 25: postern-smtpd(8)"},
    {"smtp.submission_header_checks", Kind::choice, "strict", 0, 0, "off|author|shown|strict", smtpd, "the same of submissions"},
    flag("smtp.submission_check_from", "true", smtpd, "From and Sender of a submission must be addresses its account may send as"),
    flag("smtp.submission_client_address", "false", smtpd, "the Received line of a submission shows the client's address and its own name for itself, not only that somebody logged in"),
    flag("smtp.address_literals", "true", smtpd, "mail for ann@[192.0.2.1], where that is the address a client connected to, is for ann of the first domain"),
    text(Kind::networks, "smtp.public_addresses", "", smtpd | smtp_out, "addresses that lead here by NAT, so that a literal may name them too"),
    range(Kind::number, "smtp.max_connections", "20000", 1, 30000, smtpd, "connections to one smtpd process"),
    range(Kind::number, "smtp.max_client_connections", "100", 1, 30000, smtpd, "connections from one address, or one IPv6 /64, that is not trusted"),
    range(Kind::duration, "smtp.max_hold", "30d", 0, 365 * 24 * hour, smtpd, "how far ahead a user may schedule a message; 0: not at all"),
    range(Kind::number, "smtp.reserved_for_known", "20", 0, 90, smtpd, "percent of smtp.max_connections that clients without history cannot take"),
    range(Kind::number, "smtp.reserved_for_submission", "10", 0, 90, smtpd, "percent that only submission can take"),
    text(Kind::networks, "smtp.proxy_networks", "", smtpd, "load balancers that begin each connection with a PROXY header, on every port; the client it names is the client"),
    text(Kind::networks, "smtp.xclient_networks", "", smtpd, "SMTP proxies that may say by XCLIENT whom they speak for; never loopback with users on this host"),
    range(Kind::duration, "smtp.timeout", "5min", 1 * second, hour, smtpd, "how long a client may make no progress"),
    range(Kind::duration, "smtp.stress_timeout", "10s", 1 * second, hour, smtpd, "the same when four of five connections are in use"),
    range(Kind::duration, "smtp.tls_timeout", "30s", 1 * second, hour, smtpd, "how long a TLS handshake may take"),

    text(Kind::path, "smtp.submit_socket", "", nobody, "Unix socket where users and programs of this host send mail with postern-sendmail; none when empty"),
    text(Kind::text, "smtp.submit_socket_group", "", nobody, "group whose members may; everybody when empty"),
    text(Kind::list, "smtp.submit_trusted_users", "", authd, "login names or uids of this host, beside root, that may send as any address"),

    // lmtp: programs of this host that deliver
    text(Kind::path, "lmtp.socket", "", nobody, "Unix socket where programs of this host deliver by LMTP; none when empty"),
    text(Kind::text, "lmtp.socket_group", "", nobody, "group whose members may; root alone when empty"),
    text(Kind::loopback, "lmtp.listen_addr", "", nobody, "LMTP by TCP, on loopback: any user of this host may deliver; nowhere when empty"),

    // imap
    text(Kind::addresses, "imap.listen_addr", "0.0.0.0:993", nobody, "IMAP with implicit TLS"),
    text(Kind::addresses, "imap.starttls_addr", "0.0.0.0:143", nobody, "IMAP with STARTTLS"),
    text(Kind::path, "imap.tls_cert", "", nobody, "certificate chain, PEM; smtp.tls_cert when empty"),
    text(Kind::path, "imap.tls_key", "", nobody, "private key of imap.tls_cert"),
    range(Kind::number, "imap.max_connections", "10000", 1, 60000, login, "connections to one imap-login process"),
    range(Kind::number, "imap.max_client_connections", "100", 1, 60000, login, "connections from one address, or one IPv6 /64, that is not trusted"),
    text(Kind::networks, "imap.proxy_networks", "", login, "load balancers that begin each connection with a PROXY header, on both ports"),
    range(Kind::duration, "imap.login_timeout", "1min", 1 * second, hour, login, "how long a client may take to log in"),
    range(Kind::number, "imap.max_login_failures", "5", 1, 100, login, "failed logins of one connection"),
    range(Kind::duration, "imap.failure_delay", "1s", 0, minute, login, "delay of the first failed login's answer; each later one doubles it"),
    range(Kind::size, "imap.max_command", "64KiB", 8 * kib, 16 * mib, imapd, "one command with its literals, an APPEND's message apart"),
    range(Kind::size, "imap.max_message", "50MiB", 64 * kib, 4 * gib, imapd, "largest message an APPEND may bring"),
    range(Kind::number, "imap.max_errors", "25", 1, 1000, imapd, "malformed commands in a row before a client is hung up on"),
    range(Kind::duration, "imap.timeout", "30min", minute, 24 * hour, imapd, "how long a client may say nothing; RFC 9051 demands 30 minutes"),
    range(Kind::duration, "imap.stall_timeout", "1min", 1 * second, hour, imapd, "how long a client may take nothing of an answer"),

    // tls: of SMTP and IMAP, and of the API where it speaks HTTPS
    text(Kind::path, "tls.certificates", "", nobody, "directory of further certificates, each shown to clients that ask for a name in it: NAME/fullchain.pem with NAME/privkey.pem, as certbot keeps them, or NAME.pem with NAME.key"),
    range(Kind::duration, "tls.expiry_notice", "14d", 0, 365 * 24 * hour, smtpd | login | bit(S::api_front), "how long before its end a certificate is warned of, at each start, reload and day"),

    // api
    text(Kind::addresses, "api.listen_addr", "127.0.0.1:8080", api, "health and metrics over HTTP; other than loopback only with TLS"),
    text(Kind::path, "api.tls_cert", "", nobody, "certificate chain for HTTPS, PEM; without one plain HTTP on loopback"),
    text(Kind::path, "api.tls_key", "", nobody, "private key of api.tls_cert"),

    // storage
    text(Kind::path, "storage.maildir_path", "/var/lib/postern/mail", nobody, "the mail root: one Maildir tree per account"),
    range(Kind::number, "storage.undelete_days", "14", 0, 3650, imapd, "how long the file of an expunged message is kept for restoring"),
    {"storage.sync", Kind::choice, "file_system", 0, 0, "file_system|each", imapd, "how a checkpoint makes deliveries durable: one syncfs, or each file where that is not to be trusted"},

    // auth: how accounts are guarded; the accounts themselves are not here but in accounts.db
    range(Kind::size, "auth.hash_memory", "19MiB", 64 * kib, 256 * mib, authd, "memory of one Argon2id hash"),
    range(Kind::number, "auth.hash_passes", "2", 1, 64, authd, "passes of one Argon2id hash"),
    range(Kind::number, "auth.hash_lanes", "1", 1, 16, authd, "lanes of one Argon2id hash"),
    range(Kind::number, "auth.hash_threads", "0", 0, 64, authd, "threads that hash passwords; 0 is one per core"),
    range(Kind::number, "auth.hash_queue", "256", 1, 65536, authd, "logins that may wait for a thread; more are told to try again"),
    range(Kind::duration, "auth.remember_password", "90s", 0, hour, authd, "how long a right password need not be hashed again"),
    range(Kind::duration, "auth.handle_life", "30s", 1 * second, 10 * minute, authd, "how long a login waits to be taken over by its session"),
    range(Kind::number, "auth.max_handles", "65536", 16, 1048576, authd, "sessions that may be logged in at once"),
    flag("auth.cram_md5", "false", smtpd | login, "offer CRAM-MD5 too, for accounts that opted in; anything that knows SCRAM should use that"),
    flag("auth.channel_binding", "false", smtpd | login, "offer SCRAM-SHA-256-PLUS; mutt 2.2, with GNU SASL, chooses it and cannot do it"),
    text(Kind::text, "auth.postmaster", "", authd, "gets mail for postmaster@, abuse@ and auth.role_addresses where no address has that name; the first administrator when empty"),
    text(Kind::list, "auth.role_addresses", "hostmaster webmaster security noc", authd, "local parts that reach somebody in every domain (RFC 2142), beside postmaster and abuse"),

    range(Kind::duration, "auth.failure_delay", "500ms", 0, 10 * second, authd, "how long the answer to a first failed login of a client waits; each later one doubles it, up to 8s"),
    range(Kind::number, "auth.lockout_failures", "10", 0, 10000, authd, "failed logins of one client to one account that lock it out of that account; 0 never does"),
    range(Kind::duration, "auth.lockout_time", "15min", minute, 24 * hour, authd, "how long failures count, and how long that client stays out"),
    range(Kind::number, "auth.ban_failures", "50", 0, 100000, authd, "failed logins of one client, to whatever account, after which it is banned; 0 never does"),
    range(Kind::duration, "auth.ban_time", "1h", minute, 365 * 24 * hour, authd, "how long such a ban lasts"),

    // srs: mail that aliases send on to addresses elsewhere
    flag("srs.rewrite", "true", authd, "mail for elsewhere leaves with a reverse-path of this server, so that SPF at its receiver is not about its sender's domain"),
    range(Kind::duration, "srs.max_age", "21d", 24 * hour, 365 * 24 * hour, authd, "how long reports come back to such a reverse-path"),
    flag("srs.return_anything", "false", authd, "not reports only: mail with a reverse-path goes back to the sender, too"),

    // policy: what clients may do. Trusted ones may do everything.
    text(Kind::networks, "policy.trusted_networks", "", policyd | smtpd | login | authd, "clients that are never limited, delayed or banned; loopback always is one"),
    text(Kind::networks, "policy.untrusted_networks", "", policyd | smtpd | login | authd, "not these, though loopback or trusted: where a tunnel or a proxy without PROXY header brings strangers"),
    range(Kind::number, "policy.ipv6_prefix", "64", 32, 128, policyd | authd, "bits of an IPv6 address that make one client"),
    range(Kind::duration, "policy.deadline", "500ms", 10, 10 * second, smtpd, "how long mail waits for policyd; then it goes on without"),
    text(Kind::rate, "policy.client_connections", "1000/10min", policyd, "SMTP connections of one client"),
    text(Kind::rate, "policy.client_messages", "off", policyd, "messages of one client that did not log in"),
    text(Kind::rate, "policy.client_recipients", "off", policyd, "recipients of one client that did not log in"),
    text(Kind::rate, "policy.account_messages", "1000/1h", policyd, "messages of one account"),
    text(Kind::rate, "policy.account_recipients", "5000/1h", policyd, "recipients of one account"),
    text(Kind::rate, "policy.sender_domain_messages", "off", policyd, "messages from outside with one domain in the reverse-path"),
    text(Kind::rate, "policy.sender_domain_recipients", "off", policyd, "recipients of such messages"),
    text(Kind::rate, "policy.own_domain_messages", "off", policyd, "messages that accounts send with one domain in the reverse-path"),
    text(Kind::rate, "policy.own_domain_recipients", "off", policyd, "recipients of such messages"),
    range(Kind::number, "policy.max_tracked", "200000", 1000, 10000000, policyd, "clients, accounts and domains counted at once; the least useful goes"),
    range(Kind::duration, "policy.greet_delay", "2s", 0, 30 * second, smtpd, "how long a client without history waits for the greeting on port 25; who talks first is refused; 0 asks nobody to wait"),
    range(Kind::duration, "policy.remember_clients", "45d", hour, 3650 * 24 * hour, policyd, "how long a client that was not seen keeps its history"),
    range(Kind::number, "policy.max_clients", "500000", 1000, 100000000, policyd, "clients with history"),
    range(Kind::duration, "policy.unknown_delay", "500ms", 0, 10 * second, policyd, "how long a client that guesses recipients waits for an answer, from the sixth in an hour on; it doubles with every five; 0 never"),
    range(Kind::duration, "policy.max_unknown_delay", "10s", 0, minute, policyd, "the most of it"),

    // dns: whom resolvd asks, and how long it believes them
    text(Kind::servers, "dns.servers", "", resolvd, "resolvers to ask, in this order, with a port where it is not 53; those of /etc/resolv.conf when empty"),
    text(Kind::networks, "dns.trusted_servers", "", resolvd, "of those, who validate and are reached by a way nobody else is on: their AD counts, and with it DANE; loopback always does"),
    text(Kind::networks, "dns.untrusted_servers", "", resolvd, "not these, though loopback or trusted: a forwarder that does not validate"),
    flag("dns.hosts", "true", resolvd, "names and addresses of /etc/hosts come from there, never authentic"),
    range(Kind::duration, "dns.timeout", "3s", 100, minute, resolvd, "how long one server is waited for; then the next one is asked"),
    range(Kind::number, "dns.attempts", "2", 1, 10, resolvd, "how often each server is asked, while none answers"),
    range(Kind::duration, "dns.deadline", "20s", second, 2 * minute, resolvd, "how long a question waits in all, CNAMEs included"),
    range(Kind::number, "dns.max_lookups", "512", 1, 2000, resolvd, "look-ups at a time, each with a socket; more wait"),
    range(Kind::number, "dns.max_waiting", "10000", 1, 1000000, resolvd, "questions that wait for an answer; more are told to try again"),
    range(Kind::number, "dns.cache_entries", "50000", 0, 10000000, resolvd, "answers kept; the least recently used goes; 0 keeps none"),
    range(Kind::size, "dns.cache_size", "16MiB", 0, 512 * mib, resolvd, "memory of those answers"),
    range(Kind::duration, "dns.min_ttl", "5s", 0, hour, resolvd, "an answer holds at least this long"),
    range(Kind::duration, "dns.max_ttl", "1d", second, 30 * 24 * hour, resolvd, "and at most this long"),
    range(Kind::duration, "dns.max_negative_ttl", "1h", 0, 24 * hour, resolvd, "how long there is no such name or record, at most; how long at all is in the answer (RFC 2308)"),
    range(Kind::duration, "dns.failure_ttl", "5s", 0, 5 * minute, resolvd, "how long a question that failed is not asked again (RFC 9520)"),

    // queue
    range(Kind::size, "queue.inline_limit", "256KiB", 1 * kib, 896 * kib, smtpd | qmgr, "a body beyond this goes into a file of its own"),
    range(Kind::size, "queue.segment_size", "64MiB", 4 * mib, 1 * gib, qmgr, "one segment of the journal"),
    range(Kind::number, "queue.live_segments", "8", 2, 1024, qmgr, "beyond, messages still waiting in the oldest get files of their own"),
    range(Kind::size, "queue.cache_size", "32MiB", 0, 16 * gib, qmgr, "bodies kept in memory for their first delivery"),
    range(Kind::size, "queue.min_free", "64MiB", 0, 1024 * gib, qmgr, "free space in the spool, beside a copy of its journal, below which no mail is taken"),
    range(Kind::durations, "queue.retry_delays", "5min 15min 1h 4h", second, 30 * 24 * hour, qmgr, "what is waited after each failed attempt; the last one repeats"),
    range(Kind::number, "queue.retry_jitter", "10", 0, 100, qmgr, "percent that a delay may be longer, so that what failed together is not tried together"),
    range(Kind::number, "queue.max_attempts", "0", 0, 1000, qmgr, "a temporary failure of this attempt is final; 0: queue.max_age decides alone"),
    range(Kind::duration, "queue.max_age", "5d", hour, 365 * 24 * hour, qmgr, "after this a temporary failure is final"),
    range(Kind::duration, "queue.delay_warning", "4h", 0, 30 * 24 * hour, qmgr, "a message that waits this long is reported to its sender, once; 0 never"),
    range(Kind::number, "queue.bulk_recipients", "10", 0, 100000, qmgr, "a message with more recipients, or from nobody who logged in, lets others go first"),

    // bounce: reports to senders
    range(Kind::size, "bounce.max_returned", "50KiB", 1 * kib, 384 * kib, bounce, "a message up to this size comes back whole with a report of failure; of a larger one, its header"),

    // fetch: what is asked of the web
    text(Kind::path, "fetch.tls_authorities", "/etc/ssl/certs/ca-certificates.crt", fetch, "certificates of the authorities that may vouch for web servers, PEM; read again at a reload"),
    text(Kind::networks, "fetch.private_networks", "", fetch, "addresses that are no public ones and may be fetched from all the same; strangers choose what is fetched"),
    range(Kind::number, "fetch.max_requests", "100", 1, 300, fetch, "requests at a time; more are told to come later"),

    // outbound: delivery to other hosts; the times of RFC 5321 section 4.5.3.2
    range(Kind::number, "outbound.concurrency", "20", 1, 1000, qmgr, "deliveries to one destination at once, when it answers well"),
    range(Kind::number, "outbound.first_concurrency", "5", 1, 1000, qmgr, "the same, to one that nothing is known of"),
    text(Kind::rate, "outbound.rate", "off", qmgr, "deliveries to one destination in a time"),
    range(Kind::number, "outbound.recipients_at_once", "100", 1, 1000, qmgr, "recipients of one transaction"),
    range(Kind::duration, "outbound.first_pause", "1min", second, hour, qmgr, "how long a destination that could not be reached is left alone; it doubles each time"),
    range(Kind::duration, "outbound.longest_pause", "30min", second, 24 * hour, qmgr, "the most of it"),
    text(Kind::rules, "outbound.destinations", "", qmgr, "what is different for a domain: \"example.com via=[192.0.2.1]:25 concurrency=5 rate=100/1min retry=1min,5min attempts=5 age=1d\"; .domain for all below it, * for the rest"),
    text(Kind::rules, "outbound.sender_routes", "", qmgr, "the same by the sender's domain; only via= counts"),
    text(Kind::text, "outbound.helo", "", smtp_out, "what other hosts are told in EHLO: a name that leads back to the address we come from; server.hostname when empty"),
    range(Kind::number, "outbound.port", "25", 1, 65535, smtp_out, "port of other hosts, where a next hop names none"),
    {"outbound.ip_version", Kind::choice, "any", 0, 0, "any|ipv4|ipv6", smtp_out, "addresses of other hosts that are used; any: both, in turns"},
    text(Kind::text, "outbound.bind_ipv4", "", smtp_out, "address of this host that connections come from; the system's choice when empty"),
    text(Kind::text, "outbound.bind_ipv6", "", smtp_out, "the same of IPv6"),
    text(Kind::list, "outbound.bind_senders", "", smtp_out, "lines \"domain=address\": what connections come from for mail whose reverse-path has that domain"),
    range(Kind::number, "outbound.max_deliveries", "200", 1, 2000, smtp_out, "deliveries at once in one smtp-out process"),
    range(Kind::number, "outbound.max_hosts", "10", 1, 50, smtp_out, "hosts of a domain that are looked at, the best first"),
    range(Kind::number, "outbound.max_attempts", "5", 1, 50, smtp_out, "connections that one delivery tries"),
    range(Kind::duration, "outbound.connect_timeout", "30s", 100, 10 * minute, smtp_out, "how long a connection may take to be made"),
    range(Kind::duration, "outbound.greeting_timeout", "5min", 100, hour, smtp_out, "how long the greeting may take"),
    range(Kind::duration, "outbound.command_timeout", "5min", 100, hour, smtp_out, "how long the reply to a command may take"),
    range(Kind::duration, "outbound.tls_timeout", "1min", 100, 10 * minute, smtp_out, "how long a TLS handshake may take"),
    range(Kind::duration, "outbound.data_init_timeout", "2min", 100, hour, smtp_out, "how long the reply to DATA may take"),
    range(Kind::duration, "outbound.data_block_timeout", "3min", 100, hour, smtp_out, "how long a host may take for 64 KiB of a message"),
    range(Kind::duration, "outbound.data_done_timeout", "10min", 100, hour, smtp_out, "how long the reply to a whole message may take"),
    range(Kind::duration, "outbound.delivery_timeout", "30min", 1 * second, 1 * hour, smtp_out, "how long one delivery may take in all, over all hosts; after the last byte of the message only outbound.data_done_timeout counts"),
    flag("outbound.pipelining", "true", smtp_out, "send commands in groups to hosts that offer PIPELINING"),
    flag("outbound.chunking", "true", smtp_out, "send messages by BDAT to hosts that offer CHUNKING"),
    range(Kind::duration, "outbound.idle_time", "5s", 0, 5 * minute, smtp_out, "how long a connection is kept for the next message"),
    range(Kind::number, "outbound.max_idle", "100", 0, 2000, smtp_out, "connections kept so, in one process; 0: none"),
    range(Kind::number, "outbound.max_messages", "100", 1, 100000, smtp_out, "messages over one connection"),
    range(Kind::duration, "outbound.max_connection_age", "5min", 1 * second, 24 * hour, smtp_out, "how old a connection may be that gets another message"),
    {"outbound.tls_level", Kind::choice, "dane", 0, 0, "none|may|dane|encrypt|verify|secure", smtp_out, "how far TLS is demanded of other hosts: postern-smtp-out(8)"},
    text(Kind::list, "outbound.tls_policy", "", smtp_out, "lines \"destination=level\", for a domain, .domain for all below it, or a next hop"),
    flag("outbound.tls_fallback", "true", smtp_out, "where TLS may be left out, try in clear after a handshake that failed"),
    text(Kind::path, "outbound.tls_authorities", "/etc/ssl/certs/ca-certificates.crt", smtp_out, "certificates of the authorities that may vouch for other hosts, PEM; read again at a reload"),
    flag("outbound.mta_sts", "true", smtp_out, "at level dane, where TLSA records say nothing, the MTA-STS policy of the domain counts"),
    range(Kind::duration, "outbound.mta_sts_patience", "20s", 100, minute, tlspolicyd | smtp_out, "how long a message waits for a policy that has to be fetched first; after that it goes as if there were none"),
    range(Kind::number, "outbound.mta_sts_max_domains", "100000", 100, 10000000, tlspolicyd, "policies kept; the one that was asked for least lately goes"),
    range(Kind::number, "outbound.mta_sts_port", "443", 1, 65535, tlspolicyd, "port of policy hosts; for tests alone, there is no other on the Internet"),
    range(Kind::number, "outbound.suppress_after", "0", 0, 1000, policyd, "messages that an address elsewhere refuses in a row, until no more are sent to it; 0: they are only counted"),
    range(Kind::duration, "outbound.suppress_time", "30d", minute, 3650 * 24 * hour, policyd, "how long none are sent, and how long a refusal counts"),
    range(Kind::number, "outbound.max_suppressed", "50000", 100, 1000000, policyd, "addresses elsewhere that are counted or suppressed; the longest forgotten goes"),
    text(Kind::path, "outbound.credentials", "", smtp_out, "file of lines \"next-hop user password\", readable by its owner alone: where and how to log in; read again at a reload"),

    // tls_reports: what other domains are told of TLS to their hosts (TLSRPT, RFC 8460)
    flag("tls_reports.enabled", "true", smtp_out | tlspolicyd, "results are kept, and reported once a day to domains that ask for it in the DNS"),
    text(Kind::text, "tls_reports.from", "", tlspolicyd, "author of reports that go by mail; tls-reports@ and server.hostname when empty"),
    text(Kind::text, "tls_reports.organization", "", tlspolicyd, "who reports, for people; server.hostname when empty"),
    text(Kind::text, "tls_reports.contact", "", tlspolicyd, "address a report names for questions; tls_reports.from when empty"),
    range(Kind::duration, "tls_reports.delay", "4h", 0, 20 * hour, tlspolicyd, "reports of a day leave spread over this time after its end, so that not everybody's come at midnight"),

    // logging
    {"logging.level", Kind::choice, "info", 0, 0, "debug|info|warning|error", everybody, "the least level that is recorded"},
    {"logging.format", Kind::choice, "text", 0, 0, "text|json|pretty", logd, "one event per line, as text or as JSON"},
    {"logging.output", Kind::choice, "file", 0, 0, "file|stdout", logd, "file: postern.log in logging.dir; stdout: standard error of master, for a journal"},
    text(Kind::path, "logging.dir", "/var/log/postern", nobody, "where log files lie"),
    range(Kind::size, "logging.rotate_size", "64MiB", 1 * mib, 16 * gib, logd, "a log file this large is rotated"),
    range(Kind::number, "logging.keep", "10", 1, 1000, logd, "rotated log files kept"),
    text(Kind::path, "logging.syslog", "", logd, "a datagram socket, /dev/log, that gets every event too; none when empty"),
    range(Kind::size, "logging.history_size", "256MiB", 0, 64 * gib, logd, "what mailctl explain can look at; the oldest goes first; 0 keeps none"),
    range(Kind::duration, "logging.history_age", "14d", hour, 3650 * 24 * hour, logd, "how far back mailctl explain can look"),

    // processes
    range(Kind::number, "processes.smtpd", "1", 1, 64, nobody, "smtpd processes"),
    range(Kind::number, "processes.imap_login", "1", 1, 64, nobody, "imap-login processes"),
    range(Kind::number, "processes.imapd", "1", 1, 64, imapd | login | local | qmgr, "imapd processes; an account's is its id modulo this"),
    range(Kind::number, "processes.local", "1", 1, 64, nobody, "local delivery processes"),
    range(Kind::number, "processes.smtp_out", "1", 1, 64, nobody, "outbound delivery processes"),
};

std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
            diagonal = above;
        }
    }
    return row[b.size()];
}

} // namespace

std::span<const Option> options() { return table; }

const Option* find_option(std::string_view key) {
    const auto at = std::find_if(std::begin(table), std::end(table), [&](const Option& o) { return o.key == key; });
    return at == std::end(table) ? nullptr : at;
}

std::string_view nearest_key(std::string_view unknown) {
    std::string_view best;
    std::size_t best_distance = std::max<std::size_t>(3, unknown.size() / 3) + 1;
    for (const Option& option : table) {
        const std::size_t d = distance(unknown.substr(0, 100), option.key);
        if (d >= best_distance) continue;
        best_distance = d;
        best = option.key;
    }
    return best;
}

} // namespace postern::config
