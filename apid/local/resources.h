// What the management API shows and takes, field by field (fields.h).
#pragma once

#include "apid/local/fields.h"
#include "ipc/policy.h"
#include "ipc/suppression.h"

namespace postern::api {

constexpr auto organization_fields = std::tuple(
    field("name", &ipc::OrganizationRow::name, "unique"),
    field("created", &ipc::OrganizationRow::created, "seconds since the epoch"),
    field("domains", &ipc::OrganizationRow::domains, "how many it owns"),
    field("accounts", &ipc::OrganizationRow::accounts, "how many it owns"));

struct OrganizationName {
    ipc::OrganizationName name;
};
constexpr auto organization_name_fields = std::tuple(field("name", &OrganizationName::name, "unique"));

constexpr auto domain_fields = std::tuple(
    field("name", &ipc::DomainRow::name, "in lower case, internationalized names as A-labels"),
    field("organization", &ipc::DomainRow::organization, "who owns it"),
    field("status", &ipc::DomainRow::status, "a disabled domain refuses mail and logins"),
    field("catch_all", &ipc::DomainRow::catch_all, "where mail for unknown recipients goes; empty: it is refused"),
    field("separator", &ipc::DomainRow::separator, "of subaddresses (RFC 5233): any of these characters; empty: none"),
    field("default_quota_bytes", &ipc::DomainRow::default_quota_bytes, "of accounts without their own; 0: no limit"),
    field("default_quota_messages", &ipc::DomainRow::default_quota_messages, "likewise"),
    field("max_accounts", &ipc::DomainRow::max_accounts, "0: no limit"),
    field("addresses", &ipc::DomainRow::addresses, "addresses of accounts in it"),
    field("aliases", &ipc::DomainRow::aliases, "aliases in it"),
    field("created", &ipc::DomainRow::created, "seconds since the epoch"));

constexpr auto domain_terms_fields = std::tuple(
    field("max_message_bytes", &ipc::DomainTerms::max_message_bytes, "to and from its accounts; 0: what the server takes"),
    field("backup_mx", &ipc::DomainTerms::backup_mx, "its mail is taken for another host"));

constexpr auto domain_backup_fields = std::tuple(
    field("backup_recipients", &ipc::DomainBackup::recipients, "how many are listed; 0: as a backup MX it takes any"));

constexpr auto backup_recipient_fields = std::tuple(
    field("address", &ipc::BackupRecipientRow::address, "which the other host has"));

constexpr auto backup_part_fields = std::tuple(
    field("addresses", &ipc::StoreBackupRecipients::addresses, "in the domain"),
    field("first", &ipc::StoreBackupRecipients::first, "a list begins"),
    field("last", &ipc::StoreBackupRecipients::last, "it is whole, and counts from now on instead of the one before"));

constexpr auto domain_settings_fields = std::tuple(
    field("status", &ipc::DomainSettings::status, "a disabled domain refuses mail and logins"),
    field("catch_all", &ipc::DomainSettings::catch_all, "where mail for unknown recipients goes; empty: it is refused"),
    field("separator", &ipc::DomainSettings::separator, "of subaddresses (RFC 5233): any of these characters; empty: none"),
    field("default_quota_bytes", &ipc::DomainSettings::default_quota_bytes, "of accounts without their own; 0: no limit"),
    field("default_quota_messages", &ipc::DomainSettings::default_quota_messages, "likewise"),
    field("max_accounts", &ipc::DomainSettings::max_accounts, "0: no limit"),
    field("max_message_bytes", &ipc::DomainSettings::max_message_bytes, "to and from its accounts; 0: what the server takes"),
    field("backup_mx", &ipc::DomainSettings::backup_mx, "its mail is taken for another host"));

constexpr auto new_domain_fields = std::tuple(
    field("name", &ipc::CreateDomain::name, "of the new domain"),
    field("organization", &ipc::CreateDomain::organization, "made when it does not exist; empty: default"));

constexpr auto account_fields = std::tuple(
    field("id", &ipc::AccountRow::id, "never changes, never used again"),
    field("address", &ipc::AccountRow::address, "the primary one"),
    field("organization", &ipc::AccountRow::organization, "who owns it"),
    field("name", &ipc::AccountRow::name, "of the person"),
    field("status", &ipc::AccountRow::status, "suspended: receives only; disabled: nothing"),
    field("role", &ipc::AccountRow::role, "the first admin gets postmaster's mail"),
    field("has_password", &ipc::AccountRow::has_password, "without one nobody can log in"),
    quota_field("quota_bytes", &ipc::AccountRow::quota_bytes, "null: the domain's; 0: no limit"),
    quota_field("quota_messages", &ipc::AccountRow::quota_messages, "null: the domain's; 0: no limit"),
    field("effective_quota_bytes", &ipc::AccountRow::effective_quota_bytes, "what applies; 0: no limit"),
    field("effective_quota_messages", &ipc::AccountRow::effective_quota_messages, "what applies; 0: no limit"),
    field("created", &ipc::AccountRow::created, "seconds since the epoch"),
    field("last_login", &ipc::AccountRow::last_login, "seconds since the epoch, to the minute; 0: never"));

constexpr auto account_detail_fields = std::tuple(
    field("addresses", &ipc::AccountEntry::addresses, "all, the primary first"),
    field("aliases", &ipc::AccountEntry::aliases, "that name one of them as a target"),
    field("has_scram", &ipc::AccountEntry::has_scram, "SCRAM logins work; else they do after the next login by PLAIN"),
    field("cram_md5", &ipc::AccountEntry::cram_md5, "it has opted in to CRAM-MD5"),
    field("max_message_bytes", &ipc::AccountEntry::max_message_bytes, "to and from it; 0: what its domain says"),
    field("effective_max_message_bytes", &ipc::AccountEntry::effective_max_message_bytes, "what applies; 0: what the server takes"),
    field("used_bytes", &ipc::AccountEntry::used_bytes, "in its mailbox; null: that could not be asked"),
    field("used_messages", &ipc::AccountEntry::used_messages, "likewise"));

constexpr auto account_settings_fields = std::tuple(
    field("name", &ipc::AccountSettings::name, "of the person"),
    field("status", &ipc::AccountSettings::status, "suspended: receives only; disabled: nothing"),
    field("role", &ipc::AccountSettings::role, "user or admin"),
    quota_field("quota_bytes", &ipc::AccountSettings::quota_bytes, "null: the domain's; 0: no limit"),
    quota_field("quota_messages", &ipc::AccountSettings::quota_messages, "null: the domain's; 0: no limit"),
    field("max_message_bytes", &ipc::AccountSettings::max_message_bytes, "to and from it; 0: what its domain says"));

// Beside the settings: only of an account that exists.
constexpr auto account_opt_in_fields = std::tuple(
    field("cram_md5", &ipc::ChangeAccount::cram_md5, "keep a verifier for CRAM-MD5, much weaker than the hash, from the next password or login on"));

constexpr auto new_account_fields = std::tuple(
    field("address", &ipc::NewAccount::address, "its primary address, in one of our domains"),
    field("password", &ipc::NewAccount::password, "in clear; stored as an Argon2id hash"),
    field("password_hash", &ipc::NewAccount::hash, "instead of a password: a PHC string, $argon2id$..."));

constexpr auto password_fields = std::tuple(
    field("password", &ipc::SetPassword::password, "in clear; stored as an Argon2id hash"),
    field("password_hash", &ipc::SetPassword::hash, "instead of a password: a PHC string, $argon2id$..."));

constexpr auto app_password_fields = std::tuple(
    field("name", &ipc::AppPasswordRow::name, "unique in the account"),
    field("scopes", &ipc::AppPasswordRow::scopes, "where it logs in"),
    field("created", &ipc::AppPasswordRow::created, "seconds since the epoch"),
    field("last_used", &ipc::AppPasswordRow::last_used, "seconds since the epoch, to the minute; 0: never"),
    field("expires", &ipc::AppPasswordRow::expires, "seconds since the epoch; 0: never"));

constexpr auto new_app_password_fields = std::tuple(
    field("name", &ipc::AddAppPassword::name, "of the device or program, unique in the account"),
    field("scopes", &ipc::AddAppPassword::scopes, "where it logs in: smtp, imap, api"),
    field("expires", &ipc::AddAppPassword::expires, "seconds since the epoch; 0 or absent: never"));

constexpr auto made_app_password_fields = std::tuple(
    field("password", &ipc::AppPasswordAdded::password, "shown here and never again"));

constexpr auto send_as_fields = std::tuple(
    field("address", &ipc::SendAsRow::address, "an address, or @ and a domain for all of it"));

constexpr auto grant_send_as_fields = std::tuple(
    field("address", &ipc::GrantSendAs::address, "here or elsewhere; @ and a domain for all of it"));

constexpr auto new_address_fields = std::tuple(
    field("address", &ipc::AddAddress::address, "the new one"),
    field("primary", &ipc::AddAddress::primary, "make it, new or not, the primary one"));

constexpr auto alias_fields = std::tuple(
    field("address", &ipc::AliasRow::address, "the alias itself, in one of our domains"),
    field("active", &ipc::AliasRow::active, "mail for an inactive one is refused"),
    field("targets", &ipc::AliasRow::targets, "where its mail goes, here or elsewhere"));

constexpr auto alias_term_fields = std::tuple(
    field("valid_from", &ipc::AliasTerm::from, "the first second it counts, since the epoch; 0: always has"),
    field("valid_until", &ipc::AliasTerm::until, "the first second it does not any more; 0: no end"));

constexpr auto group_fields = std::tuple(
    field("address", &ipc::GroupRow::address, "the group itself, in one of our domains"),
    field("active", &ipc::GroupRow::active, "mail for an inactive one is refused"),
    field("posting", &ipc::GroupRow::posting, "who may post"),
    field("posters", &ipc::GroupRow::posters, "who those are, where posting is listed"),
    field("member_count", &ipc::GroupRow::members, "how many it has"));

constexpr auto group_detail_fields = std::tuple(
    field("members", &ipc::GroupListing::members, "addresses here: accounts, aliases, groups"));

constexpr auto group_settings_fields = std::tuple(
    field("active", &ipc::GroupSettings::active, "mail for an inactive one is refused"),
    field("posting", &ipc::GroupSettings::posting, "who may post; members unless said otherwise"),
    field("posters", &ipc::GroupSettings::posters, "who those are, where posting is listed"));

constexpr auto new_group_fields = std::tuple(
    field("address", &ipc::SaveGroup::address, "of the new group, in one of our domains"),
    field("members", &ipc::SaveGroup::members, "addresses here: accounts, aliases, groups"));

constexpr auto member_fields = std::tuple(
    field("add", &ipc::ChangeMembers::add, "addresses here"),
    field("remove", &ipc::ChangeMembers::remove, "members"));

constexpr auto audit_fields = std::tuple(
    field("id", &ipc::AuditRow::id, "in order of time"),
    field("time", &ipc::AuditRow::time, "seconds since the epoch"),
    field("actor", &ipc::AuditRow::actor, "who asked"),
    field("client", &ipc::AuditRow::client, "from where"),
    field("action", &ipc::AuditRow::action, "what was done"),
    field("subject", &ipc::AuditRow::subject, "to whom"),
    field("detail", &ipc::AuditRow::detail, "with what"),
    field("hash", &ipc::AuditRow::hash, "SHA-256 over the row before and this one"));

constexpr auto ban_fields = std::tuple(
    field("network", &ipc::BanRow::network, "an address, or a network like 192.0.2.0/24"),
    field("since", &ipc::BanRow::since, "seconds since the epoch"),
    field("until", &ipc::BanRow::until, "seconds since the epoch"),
    field("by", &ipc::BanRow::by, "authd, or who asked"),
    field("reason", &ipc::BanRow::reason, "for people"));

constexpr auto new_ban_fields = std::tuple(
    field("network", &ipc::AddBan::network, "an address, or a network like 192.0.2.0/24"),
    field("duration", &ipc::AddBan::duration, "seconds; an hour when left out"),
    field("reason", &ipc::AddBan::reason, "for people"));

constexpr auto suppression_fields = std::tuple(
    field("address", &ipc::SuppressionRow::address, "at another host"),
    field("refusals", &ipc::SuppressionRow::refusals, "messages it refused in a row"),
    field("first", &ipc::SuppressionRow::first, "seconds since the epoch"),
    field("last", &ipc::SuppressionRow::last, "seconds since the epoch"),
    field("until", &ipc::SuppressionRow::until, "no mail is sent there before; 0: it is only watched"),
    field("code", &ipc::SuppressionRow::code, "of the last refusal, RFC 3463"),
    field("host", &ipc::SuppressionRow::host, "that refused it"),
    field("reply", &ipc::SuppressionRow::reply, "of that host, or the operator's reason"),
    field("by", &ipc::SuppressionRow::by, "who suppressed it; empty: its refusals did"));

constexpr auto new_suppression_fields = std::tuple(
    field("address", &ipc::AddSuppression::address, "at another host"),
    field("duration", &ipc::AddSuppression::duration, "seconds; outbound.suppress_time when left out"),
    field("reason", &ipc::AddSuppression::reason, "for people, and for who writes there nevertheless"));

constexpr auto queue_fields = std::tuple(
    field("id", &ipc::QueueRow::id, "of the message"),
    field("trace", &ipc::QueueRow::trace, "in every event about it"),
    field("sender", &ipc::QueueRow::reverse_path, "the reverse-path; empty for a bounce"),
    field("size", &ipc::QueueRow::size, "bytes"),
    field("arrived", &ipc::QueueRow::arrived, "seconds since the epoch"),
    field("recipients_waiting", &ipc::QueueRow::recipients, "how many still wait"),
    field("first_recipient", &ipc::QueueRow::first_recipient, "the first that waits"),
    field("state", &ipc::QueueRow::state, "of that recipient"),
    field("last_error", &ipc::QueueRow::last_error, "why it waits"));

constexpr auto queue_act_fields = std::tuple(
    field("action", &ipc::QueueAct::action, "what is done to them"),
    field("ids", &ipc::QueueAct::ids, "only these messages; every one when left out"),
    field("sender", &ipc::QueueAct::sender, "only from this reverse-path, * for anything, <> for the null one"),
    field("recipient", &ipc::QueueAct::recipient, "only recipients like this, * for anything"),
    field("domain", &ipc::QueueAct::domain, "only recipients of this domain"),
    field("state", &ipc::QueueAct::state, "only recipients in this state"),
    field("error", &ipc::QueueAct::error, "only where the last error has this text"),
    field("arrived_before", &ipc::QueueAct::arrived_before, "only older messages, seconds since the epoch"),
    field("arrived_after", &ipc::QueueAct::arrived_after, "only younger ones"),
    field("next_hop", &ipc::QueueAct::next_hop, "of reroute: [192.0.2.1]:25; empty: as the routes say again"),
    field("after", &ipc::QueueAct::after, "the next of the answer before"));

constexpr auto new_recipient_fields = std::tuple(
    field("address", &ipc::EditRecipient::address, "where it goes instead"));

constexpr auto hold_rule_fields = std::tuple(
    field("id", &ipc::HoldRule::number, "of the rule"),
    field("sender", &ipc::HoldRule::sender, "reverse-paths like this, * for anything, <> for the null one"),
    field("recipient", &ipc::HoldRule::recipient, "recipients like this"),
    field("domain", &ipc::HoldRule::domain, "recipients of this domain"),
    field("reason", &ipc::HoldRule::reason, "for people"),
    field("by", &ipc::HoldRule::by, "who asked"),
    field("since", &ipc::HoldRule::since, "seconds since the epoch"));

constexpr auto new_hold_rule_fields = std::tuple(
    field("sender", &ipc::AddHoldRule::sender, "reverse-paths like this, * for anything, <> for the null one"),
    field("recipient", &ipc::AddHoldRule::recipient, "recipients like this"),
    field("domain", &ipc::AddHoldRule::domain, "recipients of this domain"),
    field("reason", &ipc::AddHoldRule::reason, "for people"));

constexpr auto destination_fields = std::tuple(
    field("name", &ipc::DestinationRow::name, "the next hop"),
    field("state", &ipc::DestinationRow::state, "up, down, probing or frozen"),
    field("waiting", &ipc::DestinationRow::waiting, "messages that wait for their turn there"),
    field("active", &ipc::DestinationRow::active, "deliveries under way"),
    field("window", &ipc::DestinationRow::window, "how many it may have at once now"),
    field("failures", &ipc::DestinationRow::failures, "in a row"),
    field("last_failure", &ipc::DestinationRow::last_failure, "seconds since the epoch"),
    field("paused_until", &ipc::DestinationRow::paused_until, "seconds since the epoch; 0: not paused"),
    field("reason", &ipc::DestinationRow::reason, "of the last failure"));

constexpr auto destination_action_fields = std::tuple(
    field("action", &ipc::SetDestination::action, "freeze stops mail to it until thaw; probe ends its pause"));

constexpr auto queue_count_fields = std::tuple(
    field("what", &ipc::QueueCount::what, "a state, or a last error"),
    field("recipients", &ipc::QueueCount::recipients, "how many"));

constexpr auto queue_recipient_fields = std::tuple(
    field("recipient", &ipc::QueueRecipient::forward_path, "as the client gave it"),
    field("address", &ipc::QueueRecipient::address, "after expansion"),
    field("state", &ipc::QueueRecipient::state, "what it waits for"),
    field("attempts", &ipc::QueueRecipient::attempts, "so far"),
    field("next_attempt", &ipc::QueueRecipient::next_attempt, "seconds since the epoch"),
    field("last_error", &ipc::QueueRecipient::last_error, "of the last attempt"));

} // namespace postern::api
