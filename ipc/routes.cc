#include "ipc/routes.h"

namespace postern::ipc {
namespace {

struct Route {
    ServiceId from, to;
    MessageType type;
};
using S = ServiceId;
using M = MessageType;

constexpr Route routes[] = {
    {S::smtpd, S::authd, M::login},
    {S::smtpd, S::authd, M::sasl_start},
    {S::smtpd, S::authd, M::sasl_step},
    {S::smtpd, S::authd, M::sasl_abort},
    {S::smtpd, S::authd, M::local_login},
    {S::smtpd, S::authd, M::release_handle},
    {S::smtpd, S::authd, M::check_sender},
    {S::smtpd, S::authd, M::resolve_recipient},
    {S::smtpd, S::qmgr, M::submit},
    {S::smtpd, S::qmgr, M::open_large},
    {S::smtpd, S::qmgr, M::abandon_large},
    {S::smtpd, S::keyd, M::sign},
    {S::smtpd, S::policyd, M::check_client},
    {S::smtpd, S::policyd, M::check_recipient},
    {S::smtpd, S::policyd, M::report_client},
    {S::imap_login, S::policyd, M::check_client},
    {S::authd, S::policyd, M::report_guessing},

    {S::qmgr, S::authd, M::authorize_relay},
    {S::qmgr, S::authd, M::resolve_recipient},
    {S::local, S::qmgr, M::agent_ready},
    {S::smtp_out, S::qmgr, M::agent_ready},
    {S::bounce, S::qmgr, M::agent_ready},
    {S::qmgr, S::smtp_out, M::deliver},
    {S::qmgr, S::bounce, M::compose_report},
    {S::smtp_out, S::resolvd, M::dns_query},
    {S::smtp_out, S::policyd, M::check_addresses},
    {S::smtp_out, S::policyd, M::note_addresses},
    {S::local, S::policyd, M::note_addresses},
    {S::smtp_out, S::tlspolicyd, M::tls_policy_query},
    {S::smtp_out, S::tlspolicyd, M::tls_results},
    {S::tlspolicyd, S::resolvd, M::dns_query},
    {S::tlspolicyd, S::fetch, M::http_request},
    {S::tlspolicyd, S::qmgr, M::submit},
    {S::fetch, S::resolvd, M::dns_query},
    {S::qmgr, S::local, M::deliver},
    {S::local, S::imapd, M::store_message},
    {S::imapd, S::qmgr, M::owner_ready},
    {S::imapd, S::authd, M::owner_ready},
    {S::authd, S::imapd, M::watch_use},
    {S::imapd, S::authd, M::report_use},
    {S::qmgr, S::imapd, M::checkpoint},
    {S::qmgr, S::imapd, M::replay_ended},

    {S::imap_login, S::authd, M::login},
    {S::imap_login, S::authd, M::sasl_start},
    {S::imap_login, S::authd, M::sasl_step},
    {S::imap_login, S::authd, M::sasl_abort},
    {S::imap_login, S::authd, M::release_handle},
    {S::imap_login, S::imapd, M::open_session},
    {S::imap_login, S::keyd, M::sign},
    {S::imapd, S::authd, M::redeem},
    {S::imapd, S::authd, M::release_handle},

    {S::api_front, S::keyd, M::sign},
    {S::api_local, S::authd, M::list_organizations},
    {S::api_local, S::authd, M::create_organization},
    {S::api_local, S::authd, M::rename_organization},
    {S::api_local, S::authd, M::delete_organization},
    {S::api_local, S::authd, M::list_domains},
    {S::api_local, S::authd, M::create_domain},
    {S::api_local, S::authd, M::change_domain},
    {S::api_local, S::authd, M::delete_domain},
    {S::api_local, S::authd, M::list_backup_recipients},
    {S::api_local, S::authd, M::store_backup_recipients},
    {S::api_local, S::authd, M::clear_backup_recipients},
    {S::api_local, S::authd, M::list_accounts},
    {S::api_local, S::authd, M::show_account},
    {S::api_local, S::authd, M::create_account},
    {S::api_local, S::authd, M::import_accounts},
    {S::api_local, S::authd, M::change_account},
    {S::api_local, S::authd, M::set_password},
    {S::api_local, S::authd, M::delete_account},
    {S::api_local, S::authd, M::add_address},
    {S::api_local, S::authd, M::remove_address},
    {S::api_local, S::authd, M::list_aliases},
    {S::api_local, S::authd, M::save_alias},
    {S::api_local, S::authd, M::delete_alias},
    {S::api_local, S::authd, M::list_groups},
    {S::api_local, S::authd, M::save_group},
    {S::api_local, S::authd, M::change_members},
    {S::api_local, S::authd, M::delete_group},
    {S::api_local, S::authd, M::list_audit},
    {S::api_local, S::authd, M::list_app_passwords},
    {S::api_local, S::authd, M::add_app_password},
    {S::api_local, S::authd, M::remove_app_password},
    {S::api_local, S::authd, M::list_send_as},
    {S::api_local, S::authd, M::grant_send_as},
    {S::api_local, S::authd, M::revoke_send_as},
    {S::api_local, S::qmgr, M::queue_list},
    {S::api_local, S::qmgr, M::queue_show},
    {S::api_local, S::qmgr, M::queue_act},
    {S::api_local, S::qmgr, M::queue_read},
    {S::api_local, S::qmgr, M::queue_stats},
    {S::api_local, S::qmgr, M::edit_recipient},
    {S::api_local, S::qmgr, M::list_destinations},
    {S::api_local, S::qmgr, M::set_destination},
    {S::api_local, S::qmgr, M::list_hold_rules},
    {S::api_local, S::qmgr, M::add_hold_rule},
    {S::api_local, S::qmgr, M::remove_hold_rule},
    {S::api_local, S::logd, M::history_query},
    {S::api_local, S::policyd, M::list_bans},
    {S::api_local, S::policyd, M::add_ban},
    {S::api_local, S::policyd, M::clear_ban},
    {S::api_local, S::authd, M::clear_ban},
    {S::api_local, S::policyd, M::list_suppressions},
    {S::api_local, S::policyd, M::add_suppression},
    {S::api_local, S::policyd, M::remove_suppression},
    {S::api_local, S::tlspolicyd, M::tls_policy_query},
    {S::api_local, S::tlspolicyd, M::list_tls_results},
    {S::api_local, S::tlspolicyd, M::show_tls_report},
    {S::api_local, S::resolvd, M::dns_query},
    {S::api_local, S::resolvd, M::dns_flush},
};

} // namespace

bool may_send(ServiceId from, ServiceId to, MessageType type) {
    for (const Route& route : routes)
        if (route.from == from && route.to == to && route.type == type) return true;
    return false;
}

bool may_connect(ServiceId from, ServiceId to) {
    for (const Route& route : routes)
        if ((route.from == from && route.to == to) || (route.from == to && route.to == from)) return true;
    return false;
}

} // namespace postern::ipc
