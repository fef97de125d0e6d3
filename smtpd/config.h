// smtpd's options, in one table.
#pragma once

#include "libcommon/config.h"
#include "libcommon/network.h"
#include "smtpd/content_stream.h"
#include "smtpd/header_policy.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace postern::smtpd {

struct Limits {
    std::string hostname = "localhost";               // what the greeting, EHLO and Received say we are
    std::uint64_t message_bytes = 25 * 1024 * 1024;
    std::uint64_t inline_bytes = 256 * 1024;          // a longer body goes to a file of qmgr's
    std::uint64_t recipients = 1000;
    std::uint64_t errors = 20;                        // replies of 400 and over before we hang up
    std::uint64_t junk_commands = 100;                // NOOP, RSET, EHLO and the like between two messages
    std::uint64_t login_failures = 5;
    bool channel_binding = false;                     // SCRAM-SHA-256-PLUS is offered
    bool cram_md5 = false;                            // offered; authd asks whether the account opted in
    std::uint64_t command_bytes = 2048;               // a command line with its CRLF
    std::uint64_t line_bytes = 65536;                 // a line of a message
    LineEnds line_ends = LineEnds::refuse;
    std::uint64_t hops = 50;
    std::uint64_t header_bytes = 16 * 1024 * 1024;
    HeaderChecks header_checks = HeaderChecks::author;              // on port 25
    bool address_literals = true;                     // ann@[192.0.2.1] is somebody here, where the address is ours:
    std::vector<Network> public_addresses;            // that of the connection, or one of these
    bool check_authors = true;                        // of a submission: they are addresses of its account
    bool submission_client = false;                   // its Received line says where a submission came from
    HeaderChecks submission_header_checks = HeaderChecks::strict;
    std::uint64_t connections = 20000;
    std::uint64_t client_connections = 100;           // from one address
    std::uint64_t reserved_known = 20;                // percent of the connections that strangers cannot take
    std::uint64_t reserved_submission = 10;           // and that only submission can
    std::chrono::milliseconds hold = std::chrono::hours(30 * 24);          // RFC 4865; 0: not offered
    std::chrono::milliseconds timeout = std::chrono::minutes(5);           // RFC 5321 section 4.5.3.2.7
    std::chrono::milliseconds stress_timeout = std::chrono::seconds(10);   // when most connections are in use
    std::chrono::milliseconds tls_timeout = std::chrono::seconds(30);      // for a handshake
};

Limits read_limits(const Config& config);

// RFC 4954 section 4 lets an AUTH line have 12,288 bytes; the session's input never holds more than this.
constexpr std::size_t max_auth_line = 12288;
constexpr std::size_t input_budget = 16384;

} // namespace postern::smtpd
