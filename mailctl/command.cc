#include "mailctl/command.h"

#include "mailctl/verbs.h"

#include <cstdio>

namespace postern::mailctl {
namespace {

constexpr Group group_table[] = {
    {"organization", "who owns domains and accounts"},
    {"domain", "domains mail is received for"},
    {"backup-mx", "which recipients a backup MX takes"},
    {"account", "people with a mailbox"},
    {"app-password", "passwords of single devices and programs"},
    {"address", "further addresses of an account"},
    {"send-as", "whom else an account may send as"},
    {"alias", "addresses that stand for others"},
    {"group", "addresses with members, and a rule about who may post"},
    {"ban", "networks that are turned away"},
    {"suppression", "addresses elsewhere that no mail is sent to"},
    {"dns", "what is found in the DNS"},
    {"tls", "TLS with other domains' hosts"},
    {"queue", "messages that wait"},
    {"hold-rule", "mail that is held as it comes"},
    {"destination", "where outbound mail goes"},
    {"config", "postern.yaml"},
    {"log", "what is recorded"},
    {"audit", "who changed what"},
};

constexpr Option domain_options[] = {
    {"--status", "STATUS", "active or disabled (refuses mail and logins)"},
    {"--catch-all", "ADDRESS", "where mail for unknown recipients goes; empty: it is refused"},
    {"--separator", "CHARS", "of subaddresses, as + in ann+lists: any of these; empty: none"},
    {"--quota", "SIZE", "of accounts without their own: 5GB, or none"},
    {"--quota-messages", "NUMBER", "likewise, or none"},
    {"--max-accounts", "NUMBER", "how many there may be, or none"},
    {"--max-message", "SIZE", "to and from accounts without their own limit: 10MB, or default for the server's"},
    {"--backup-mx", "on|off", "take mail for another host: for any recipient, or those of mailctl backup-mx"},
};
constexpr Option domain_add_options[] = {
    {"--organization", "NAME", "who owns it; made when it does not exist (default)"},
    domain_options[0], domain_options[1], domain_options[2], domain_options[3], domain_options[4], domain_options[5],
    domain_options[6], domain_options[7],
};
constexpr Option account_options[] = {
    {"--name", "TEXT", "of the person"},
    {"--status", "STATUS", "active, suspended (only receives) or disabled"},
    {"--role", "ROLE", "user or admin"},
    {"--quota", "SIZE", "5GB, none, or domain for the domain's"},
    {"--quota-messages", "NUMBER", "a number, none, or domain"},
    {"--max-message", "SIZE", "to and from it: 10MB, or default for the domain's"},
};
constexpr Option account_set_options[] = {
    account_options[0], account_options[1], account_options[2], account_options[3], account_options[4], account_options[5],
    {"--cram-md5", "on|off", "keep a weak verifier for CRAM-MD5, for clients that know nothing better"},
};
constexpr Option app_password_options[] = {
    {"--scope", "LIST", "where it logs in: smtp, imap, api (smtp,imap)"},
    {"--expires", "DURATION", "from now: 90d; never when absent"},
};
constexpr Option account_add_options[] = {
    account_options[0], account_options[1], account_options[2], account_options[3], account_options[4], account_options[5],
    {"--hash", "PHC", "an Argon2id hash instead of a password"},
    {"--no-password", "", "nobody can log in until mailctl passwd"},
};
constexpr Option import_options[] = {{"--strict", "", "fail when an address exists; else it is left as it is"}};
constexpr Option passwd_options[] = {{"--hash", "PHC", "an Argon2id hash instead of a password"}};
constexpr Option domain_filter[] = {{"--domain", "NAME", "only of this domain"}};
constexpr Option address_options[] = {{"--primary", "", "make it the primary address"}};
constexpr Option alias_options[] = {
    {"--inactive", "", "its mail is refused"},
    {"--from", "TIME", "the day or minute it begins: 2026-12-01, or 2026-12-01T08:00"},
    {"--until", "TIME", "the last day, or the minute it ends"},
};
constexpr Option group_options[] = {
    {"--posting", "RULE", "who may: anyone, members, domain (who has an address in it) or listed (members)"},
    {"--posters", "LIST", "those who are listed: accounts, aliases and groups here, addresses elsewhere"},
    {"--active", "on|off", "off: its mail is refused"},
};
constexpr Option queue_filter[] = {
    {"--sender", "PATTERN", "only from this reverse-path, * for anything, <> for the null one"},
    {"--recipient", "PATTERN", "only recipients like this, * for anything"},
    {"--domain", "NAME", "only recipients of this domain"},
    {"--state", "STATE", "queued, deferred, held, failed, no-route, scheduled, active, stored"},
    {"--error", "TEXT", "only where the last error has this text"},
    {"--older", "DURATION", "only messages that came longer ago: 4h"},
    {"--younger", "DURATION", "only messages that came since"},
};
constexpr Option hold_rule_options[] = {
    queue_filter[0], queue_filter[1], queue_filter[2],
    {"--reason", "TEXT", "for people"},
};
constexpr Option queue_choice[] = {
    queue_filter[0], queue_filter[1], queue_filter[2], queue_filter[3], queue_filter[4], queue_filter[5], queue_filter[6],
    {"--all", "", "every message"},
};
constexpr Option queue_reroute_options[] = {
    queue_filter[0], queue_filter[1], queue_filter[2], queue_filter[3], queue_filter[4], queue_filter[5], queue_filter[6],
    {"--all", "", "every message"},
    {"--to", "NEXT-HOP", "example.com, or [192.0.2.1]:25 without its MX; empty: as the routes say"},
};
constexpr Option ban_options[] = {
    {"--for", "DURATION", "how long, as 30min, 12h, 7d; an hour unless given"},
    {"--reason", "TEXT", "for people"},
};
constexpr Option suppression_options[] = {
    {"--for", "DURATION", "how long, as 12h, 7d; outbound.suppress_time unless given"},
    ban_options[1],
};
constexpr Option tls_policy_options[] = {{"--renew", "", "fetch it again now"}};
constexpr Option tls_results_options[] = {{"--day", "DAY", "in UTC, as 2026-11-21; today unless given"}};
constexpr Option tls_report_options[] = {
    {"--day", "DAY", "in UTC, as 2026-11-21; the last there are results of unless given"},
    {"--send", "", "now, not spread over the hours after its day; of a day that is not over, what there is of it"},
};
constexpr Option config_show_options[] = {{"--running", "", "the one in force, from master, not the file's"}};
constexpr Option explain_options[] = {{"--since", "DURATION", "only what happened in the last 30min, 12h, 7d"}};
constexpr Option init_options[] = {
    {"--hostname", "NAME", "fully qualified name of this host"},
    {"--cert", "FILE", "certificate chain for SMTP and IMAP, PEM"},
    {"--key", "FILE", "its private key"},
    {"--force", "", "replace a file that exists"},
};

constexpr Command table[] = {
    {"init", "", "write a first postern.yaml", init_options, init},
    {"status", "", "is it running", {}, status},
    {"health", "", "is every part of it running", {}, health},
    {"ps", "", "every process, and what the kernel says of it", {}, ps},
    {"explain", "KEY", "what happened to a message or an address: queue id, trace id, Message-ID or address", explain_options, explain},
    {"reload", "", "read postern.yaml again; a wrong one changes nothing", {}, reload},
    {"upgrade", "", "go on with the programs that are installed now; no connection is refused", {}, upgrade},
    {"stop", "", "finish what runs, then stop", {}, stop},
    {"passwd", "ADDRESS", "set a password: from the terminal, or a line on standard input", passwd_options, passwd},

    {"organization list", "", "organizations", {}, organization_list},
    {"organization add", "NAME", "a new organization", {}, organization_add},
    {"organization rename", "NAME NEW-NAME", "give it another name", {}, organization_rename},
    {"organization delete", "NAME", "only while it owns nothing", {}, organization_delete},

    {"domain list", "", "domains", {}, domain_list},
    {"domain add", "NAME", "a new domain", domain_add_options, domain_add},
    {"domain show", "NAME", "one domain", {}, domain_show},
    {"domain set", "NAME", "change what is named", domain_options, domain_set},
    {"domain delete", "NAME", "only while it has no address", {}, domain_delete},

    {"backup-mx list", "DOMAIN", "the listed recipients; none: it takes any", {}, backup_mx_list},
    {"backup-mx import", "DOMAIN FILE", "a new list, one a line, instead of the one before; - is standard input", {}, backup_mx_import},
    {"backup-mx clear", "DOMAIN", "take any recipient again", {}, backup_mx_clear},

    {"account list", "", "accounts", domain_filter, account_list},
    {"account add", "ADDRESS", "a new account; its password from the terminal or standard input", account_add_options, account_add},
    {"account show", "ADDRESS", "one account, by any of its addresses", {}, account_show},
    {"account set", "ADDRESS", "change what is named", account_set_options, account_set},
    {"account delete", "ADDRESS", "its mailbox stays on disk", {}, account_delete},
    {"account import", "FILE", "lines of ADDRESS and PASSWORD or hash; - is standard input", import_options, account_import},

    {"app-password list", "ADDRESS", "the account's app passwords", {}, app_password_list},
    {"app-password add", "ADDRESS NAME", "a new one, shown once", app_password_options, app_password_add},
    {"app-password remove", "ADDRESS NAME", "revoke it", {}, app_password_remove},

    {"address add", "ACCOUNT ADDRESS", "one more address for an account", address_options, address_add},
    {"address delete", "ADDRESS", "any but the primary one", {}, address_delete},

    {"send-as list", "ACCOUNT", "as which addresses beside its own it may send", {}, send_as_list},
    {"send-as grant", "ACCOUNT ADDRESS", "one more; @DOMAIN for all of a domain", {}, send_as_grant},
    {"send-as revoke", "ACCOUNT ADDRESS", "no longer", {}, send_as_revoke},

    {"alias list", "", "aliases", domain_filter, alias_list},
    {"alias add", "ADDRESS TARGET...", "a new alias", alias_options, alias_add},
    {"alias show", "ADDRESS", "one alias", {}, alias_show},
    {"alias set", "ADDRESS TARGET...", "replace its targets and dates", alias_options, alias_set},
    {"alias delete", "ADDRESS", "remove it", {}, alias_delete},

    {"group list", "", "groups", domain_filter, group_list},
    {"group add", "ADDRESS MEMBER...", "a new group of accounts, aliases and groups here", group_options, group_add},
    {"group show", "ADDRESS", "one group and its members", {}, group_show},
    {"group set", "ADDRESS", "change what is named", group_options, group_set},
    {"group add-member", "GROUP MEMBER...", "let them in", {}, group_add_member},
    {"group remove-member", "GROUP MEMBER...", "let them go", {}, group_remove_member},
    {"group delete", "ADDRESS", "remove it", {}, group_delete},

    {"ban list", "", "banned networks, and until when", {}, ban_list},
    {"ban add", "NETWORK", "turn an address or a network away", ban_options, ban_add},
    {"ban clear", "NETWORK", "forget the bans inside it and the failed logins from it", {}, ban_clear},

    {"suppression list", "", "addresses elsewhere that refused mail, and which get no more", {}, suppression_list},
    {"suppression add", "ADDRESS", "send no mail to an address elsewhere", suppression_options, suppression_add},
    {"suppression delete", "ADDRESS", "forget what is known against it", {}, suppression_delete},

    {"dns lookup", "NAME [TYPE]", "what the daemons find: A unless TYPE is AAAA, MX, TXT, PTR, TLSA or CNAME", {}, dns_lookup},
    {"dns flush", "[NAME]", "forget what is known of a name, or everything", {}, dns_flush},

    {"tls policy", "DOMAIN", "the MTA-STS policy mail to it follows", tls_policy_options, tls_policy},
    {"tls results", "[DOMAIN]", "how TLS with other domains' hosts went; of one domain, with its failures", tls_results_options, tls_results},
    {"tls report", "DOMAIN", "what a domain is told of it (TLSRPT), and how far that is", tls_report_options, tls_report},

    {"queue list", "", "messages that wait", queue_filter, queue_list},
    {"queue show", "ID", "one message and each of its recipients", {}, queue_show},
    {"queue cat", "ID", "the message as it will be sent", {}, queue_cat},
    {"queue flush", "[ID...]", "try again now", queue_choice, queue_flush},
    {"queue hold", "[ID...]", "keep, until they are released", queue_choice, queue_hold},
    {"queue release", "[ID...]", "go on with what is held", queue_choice, queue_release},
    {"queue delete", "[ID...]", "gone, and nobody is told", queue_choice, queue_delete},
    {"queue bounce", "[ID...]", "give up now, and tell the senders", queue_choice, queue_bounce},
    {"queue reroute", "[ID...]", "send by another next hop", queue_reroute_options, queue_reroute},
    {"queue edit", "ID RECIPIENT ADDRESS", "another address for a recipient", {}, queue_edit},
    {"queue requeue", "[ID...]", "as if they came now: addresses are looked up again", queue_choice, queue_requeue},
    {"queue stats", "", "recipients that wait, by state and last error", {}, queue_stats},

    {"hold-rule list", "", "which mail is held as it comes", {}, hold_rule_list},
    {"hold-rule add", "", "hold mail like this from now on", hold_rule_options, hold_rule_add},
    {"hold-rule delete", "ID", "hold no more by it; what it held stays", {}, hold_rule_delete},

    {"destination list", "", "next hops of outbound mail, and how they do", {}, destination_list},
    {"destination freeze", "DESTINATION", "send nothing there until thaw", {}, destination_freeze},
    {"destination thaw", "DESTINATION", "go on", {}, destination_thaw},
    {"destination probe", "DESTINATION", "do not wait for the end of its pause", {}, destination_probe},

    {"config check", "[FILE]", "read a file and say every mistake; needs no running suite", {}, config_check},
    {"config show", "", "the file with every default filled in", config_show_options, config_show},
    {"config options", "", "every option there is", {}, config_options},

    {"log level", "LEVEL", "debug, info, warning or error, until the next start", {}, log_level},
    {"audit list", "", "changes in order of time, their chain of hashes checked", {}, audit_list},
};

} // namespace

std::span<const Command> commands() { return table; }
std::span<const Group> groups() { return group_table; }

const std::vector<std::string>& Arguments::all(std::string_view name) const {
    static const std::vector<std::string> none;
    const auto found = values.find(name);
    return found == values.end() ? none : found->second;
}

const std::string& Arguments::one(std::string_view name) const {
    static const std::string none;
    const auto& values_of = all(name);
    return values_of.empty() ? none : values_of.front();
}

void Context::print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void Context::done(std::string_view what) const {
    if (!json) print(std::string(what) + "\n");
}

} // namespace postern::mailctl
