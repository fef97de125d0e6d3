// Every message there is, once: what the round-trip test walks through and the fuzz target decodes.
#pragma once

#include "ipc/admin.h"
#include "ipc/agent.h"
#include "ipc/auth.h"
#include "ipc/dns.h"
#include "ipc/history.h"
#include "ipc/http.h"
#include "ipc/keys.h"
#include "ipc/mailbox.h"
#include "ipc/policy.h"
#include "ipc/queue.h"
#include "ipc/queue_admin.h"
#include "ipc/report.h"
#include "ipc/suppression.h"
#include "ipc/tls_policy.h"

#include <tuple>

namespace postern::ipc {

using AllMessages = std::tuple<
    Login, LoginResult, Redeem, Identity, ReleaseHandle, CheckSender, SenderVerdict, ResolveRecipient, RecipientVerdict,
    AuthorizeRelay, RelayVerdict, SaslStart, SaslStep, SaslReply, SaslAbort, LocalLogin,
    AdminResult, ListOrganizations, OrganizationListing, CreateOrganization, RenameOrganization, DeleteOrganization,
    ListDomains, DomainListing, CreateDomain, ChangeDomain, DeleteDomain,
    ListAccounts, AccountListing, ShowAccount, AccountEntry, CreateAccount, ImportAccounts, ChangeAccount, SetPassword,
    DeleteAccount, AddAddress, RemoveAddress, ListAliases, AliasListing, SaveAlias, DeleteAlias, ListAudit, AuditListing,
    ListGroups, GroupListing, SaveGroup, ChangeMembers, DeleteGroup,
    ListAppPasswords, AppPasswordListing, AddAppPassword, AppPasswordAdded, RemoveAppPassword,
    ListSendAs, SendAsListing, GrantSendAs, RevokeSendAs,
    ListBackupRecipients, BackupRecipientListing, StoreBackupRecipients, ClearBackupRecipients,
    Submit, Submitted, OpenLarge, LargeOpened, AbandonLarge, QueueList, QueueListing, QueueShow, QueueEntry,
    QueueAct, QueueActed, QueueRead, QueueContent, EditRecipient, ListDestinations, DestinationListing, SetDestination, QueueStats,
    QueueStatistics, ListHoldRules, HoldRuleListing, AddHoldRule, RemoveHoldRule,
    AgentReady, Deliver, DeliverResult, ComposeReport, ComposedReport,
    StoreMessage, Stored, OwnerReady, Checkpoint, CheckpointDone, ReplayEnded, WatchUse, UseWatched, ReportUse, OpenSession, SessionOpened,
    Sign, Signature,
    HistoryQuery, HistoryTimeline,
    CheckClient, ClientVerdict, CheckRecipient, RecipientPolicy, ReportClient, ReportGuessing,
    ListBans, BanListing, AddBan, ClearBan,
    NoteAddresses, CheckAddresses, AddressVerdicts, ListSuppressions, SuppressionListing, AddSuppression, RemoveSuppression,
    DnsQuery, DnsAnswer, DnsFlush, DnsFlushed,
    HttpRequest, HttpReply,
    TlsPolicyQuery, TlsPolicy, TlsResults,
    ListTlsResults, TlsResultListing, ShowTlsReport, TlsReport>;

} // namespace postern::ipc
