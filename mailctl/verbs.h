// The functions behind the table of command.cc, by subject.
#pragma once

#include "mailctl/command.h"

namespace postern::mailctl {

// organization.cc
int organization_list(const Context& c);
int organization_add(const Context& c);
int organization_rename(const Context& c);
int organization_delete(const Context& c);
// domain.cc
int domain_list(const Context& c);
int domain_add(const Context& c);
int domain_show(const Context& c);
int domain_set(const Context& c);
int domain_delete(const Context& c);
// backup_mx.cc
int backup_mx_list(const Context& c);
int backup_mx_import(const Context& c);
int backup_mx_clear(const Context& c);
// account.cc
int account_list(const Context& c);
int account_add(const Context& c);
int account_show(const Context& c);
int account_set(const Context& c);
int account_delete(const Context& c);
int account_import(const Context& c);
int address_add(const Context& c);
int address_delete(const Context& c);
int passwd(const Context& c);
// app_password.cc
int app_password_list(const Context& c);
int app_password_add(const Context& c);
int app_password_remove(const Context& c);
// send_as.cc
int send_as_list(const Context& c);
int send_as_grant(const Context& c);
int send_as_revoke(const Context& c);
// alias.cc
int alias_list(const Context& c);
int alias_add(const Context& c);
int alias_show(const Context& c);
int alias_set(const Context& c);
int alias_delete(const Context& c);
// group.cc
int group_list(const Context& c);
int group_add(const Context& c);
int group_show(const Context& c);
int group_set(const Context& c);
int group_add_member(const Context& c);
int group_remove_member(const Context& c);
int group_delete(const Context& c);
// ban.cc
int ban_list(const Context& c);
int ban_add(const Context& c);
int ban_clear(const Context& c);
// suppression.cc
int suppression_list(const Context& c);
int suppression_add(const Context& c);
int suppression_delete(const Context& c);
// dns.cc
int dns_lookup(const Context& c);
int dns_flush(const Context& c);
// tls_policy.cc
int tls_policy(const Context& c);
// tls_reports.cc
int tls_results(const Context& c);
int tls_report(const Context& c);
// queue.cc
int queue_list(const Context& c);
int queue_cat(const Context& c);
int queue_flush(const Context& c);
int queue_hold(const Context& c);
int queue_release(const Context& c);
int queue_delete(const Context& c);
int queue_bounce(const Context& c);
int queue_reroute(const Context& c);
int queue_edit(const Context& c);
int queue_stats(const Context& c);
int queue_requeue(const Context& c);
int queue_show(const Context& c);
// destination.cc
int hold_rule_list(const Context& c);
int hold_rule_add(const Context& c);
int hold_rule_delete(const Context& c);
int destination_list(const Context& c);
int destination_freeze(const Context& c);
int destination_thaw(const Context& c);
int destination_probe(const Context& c);
// explain.cc
int explain(const Context& c);
// suite.cc
int status(const Context& c);
int ps(const Context& c);
int health(const Context& c);
int reload(const Context& c);
int upgrade(const Context& c);
int stop(const Context& c);
int log_level(const Context& c);
int audit_list(const Context& c);
// config.cc
int config_check(const Context& c);
int config_show(const Context& c);
int config_options(const Context& c);
// init.cc
int init(const Context& c);

} // namespace postern::mailctl
