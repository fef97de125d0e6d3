// The handlers of routes.cc, by subject.
#pragma once

#include "apid/local/call.h"

namespace postern::api {

// directory.cc: organizations and domains
void list_organizations(const Call& call);
void create_organization(const Call& call);
void rename_organization(const Call& call);
void delete_organization(const Call& call);
void list_domains(const Call& call);
void create_domain(const Call& call);
void show_domain(const Call& call);
void change_domain(const Call& call);
void delete_domain(const Call& call);

// backup_recipients.cc
void list_backup_recipients(const Call& call);
void store_backup_recipients(const Call& call);
void clear_backup_recipients(const Call& call);

// accounts.cc
void list_accounts(const Call& call);
void create_account(const Call& call);
void import_accounts(const Call& call);
void show_account(const Call& call);
void change_account(const Call& call);
void delete_account(const Call& call);
void set_password(const Call& call);
void add_address(const Call& call);
void remove_address(const Call& call);

// app_passwords.cc
void list_app_passwords(const Call& call);
void add_app_password(const Call& call);
void remove_app_password(const Call& call);

// send_as.cc
void list_send_as(const Call& call);
void grant_send_as(const Call& call);
void revoke_send_as(const Call& call);

// aliases.cc: aliases and the audit log
void list_aliases(const Call& call);
void create_alias(const Call& call);
void show_alias(const Call& call);
void replace_alias(const Call& call);
void delete_alias(const Call& call);
void list_audit(const Call& call);

// groups.cc
void list_groups(const Call& call);
void create_group(const Call& call);
void show_group(const Call& call);
void change_group(const Call& call);
void change_members(const Call& call);
void delete_group(const Call& call);

// bans.cc
void list_bans(const Call& call);
void add_ban(const Call& call);
void clear_ban(const Call& call);

// suppressions.cc: policyd
void list_suppressions(const Call& call);
void add_suppression(const Call& call);
void remove_suppression(const Call& call);

// dns.cc: resolvd
void look_up(const Call& call);
void flush_dns(const Call& call);

// tls_policy.cc: tlspolicyd
void show_tls_policy(const Call& call);
void renew_tls_policy(const Call& call);

// tls_reports.cc: tlspolicyd
void list_tls_results(const Call& call);
void show_tls_results(const Call& call);
void show_tls_report(const Call& call);
void send_tls_report(const Call& call);

// queue.cc
void list_queue(const Call& call);
void show_queued(const Call& call);
void read_queued(const Call& call);
void act_on_queue(const Call& call);
void edit_queued_recipient(const Call& call);
void show_queue_statistics(const Call& call);
void list_hold_rules(const Call& call);
void add_hold_rule(const Call& call);
void remove_hold_rule(const Call& call);
void list_destinations(const Call& call);
void set_destination(const Call& call);

// history.cc
void show_history(const Call& call);

// suite.cc: master
void show_status(const Call& call);
void list_processes(const Call& call);
void show_config(const Call& call);
void reload(const Call& call);
void upgrade(const Call& call);
void stop(const Call& call);
void set_log_level(const Call& call);
void show_openapi(const Call& call);
void show_health(const Call& call);
void show_metrics(const Call& call);

} // namespace postern::api
