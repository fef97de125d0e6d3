// One number per message between processes. A request carries `using Reply = …`; a reply has a type of its own.
// Numbers never change meaning: single-owner services speak with the version before (DESIGN section 3).
#pragma once

#include "libcommon/codec.h"

#include <cstdint>

namespace postern::ipc {

enum class MessageType : std::uint16_t {
    // ipc/auth.h: fronts ask authd
    login = 100, login_result, redeem, identity, release_handle,
    check_sender, sender_verdict, resolve_recipient, recipient_verdict,
    authorize_relay, relay_verdict,
    // ipc/auth.h: fronts relay what proves a password without sending it
    sasl_start = 120, sasl_step, sasl_reply, sasl_abort,
    // ipc/auth.h: smtpd shows who connected from this host
    local_login = 130,
    // ipc/admin.h: api-local asks authd
    admin_result = 150,
    list_organizations, organization_listing, create_organization, rename_organization, delete_organization,
    list_domains, domain_listing, create_domain, change_domain, delete_domain,
    list_accounts, account_listing, show_account, account_entry, create_account, import_accounts, change_account,
    set_password, delete_account, add_address, remove_address,
    list_aliases, alias_listing, save_alias, delete_alias, list_audit, audit_listing,
    list_backup_recipients = 180, backup_recipient_listing, store_backup_recipients, clear_backup_recipients,
    list_groups = 185, group_listing, save_group, change_members, delete_group,
    list_app_passwords = 190, app_password_listing, add_app_password, app_password_added, remove_app_password,
    list_send_as, send_as_listing, grant_send_as, revoke_send_as,
    // ipc/queue.h: smtpd submits to qmgr
    submit = 200, submitted, open_large, large_opened, abandon_large,
    // ipc/queue.h: api-local looks at the queue
    queue_list = 220, queue_listing, queue_show, queue_entry,
    // ipc/queue_admin.h: and acts on it
    queue_act = 230, queue_acted, queue_read, queue_content, edit_recipient, list_destinations, destination_listing, set_destination,
    queue_stats, queue_statistics, list_hold_rules, hold_rule_listing, add_hold_rule, remove_hold_rule,
    // ipc/agent.h: qmgr hands work to its agents
    agent_ready = 300, deliver, deliver_result,
    // ipc/report.h: qmgr has reports written
    compose_report = 320, composed_report,
    // ipc/mailbox.h: the owner of mailboxes
    store_message = 400, stored, checkpoint, checkpoint_done, owner_ready, replay_ended,
    watch_use = 410, use_watched, report_use,
    open_session = 420, session_opened,
    // ipc/keys.h: keyd signs
    sign = 500, signature,
    // ipc/control.h: asking master
    control_request = 600, control_reply,
    // ipc/history.h: api-local asks logd
    history_query = 700, history_timeline,
    // ipc/policy.h: fronts ask policyd, authd and api-local tell it of bans
    check_client = 800, client_verdict, check_recipient, recipient_policy, report_client, report_guessing,
    list_bans = 820, ban_listing, add_ban, clear_ban,
    // ipc/suppression.h: addresses elsewhere that refuse mail
    note_addresses = 840, check_addresses, address_verdicts, list_suppressions, suppression_listing, add_suppression, remove_suppression,
    // ipc/dns.h: everybody asks resolvd
    dns_query = 900, dns_answer, dns_flush, dns_flushed,
    // ipc/http.h: everybody asks fetch
    http_request = 920, http_reply,
    // ipc/tls_policy.h: smtp-out asks tlspolicyd, and tells it what came of it
    tls_policy_query = 940, tls_policy, tls_results,
    // ipc/tls_policy.h: api-local looks at results and reports
    list_tls_results = 950, tls_result_listing, show_tls_report, tls_report,
};

template <class M>
concept Message = Record<M> && requires { { M::type } -> std::convertible_to<MessageType>; };

template <class M>
concept Request = Message<M> && Message<typename M::Reply>;

// A message that carries a password says `static constexpr bool secret = true`: its bytes are wiped from the buffers of the
// channel at both ends.
template <class M> constexpr bool is_secret = requires { requires M::secret; };

} // namespace postern::ipc
