// What master and a child say to each other on the one socket the child was born with: fixed-size messages on a
// SEQPACKET pair, some with one descriptor. Nothing here has a length field to lie about.
//
// Before `start` master grants, the child only listens. After it: the child says ready, then asks for channels
// one at a time; master tells of channels, reloads and drains. Master never blocks on this socket.
#pragma once

#include "ipc/service_id.h"
#include "libcommon/owned.h"
#include "libcommon/result.h"
#include "libcommon/sandbox.h"

#include <cstdint>
#include <deque>
#include <string_view>

namespace postern::ipc {

// New kinds come last and none changes: an upgraded master speaks with children of the version before.
enum class BirthKind : std::uint32_t {
    // master to child, before the start
    config,          // descriptor: the slice, see libcommon/config.h
    log_socket,      // descriptor
    counter_page,    // descriptor: this process's own
    listener,        // descriptor, name: the option it comes from
    certificates,    // descriptor: a bundle of chains, see ipc/bundle.h
    private_keys,    // descriptor: a bundle of keys (keyd only)
    root,            // descriptor: the directory to be confined to
    page,            // descriptor, peer: another process's counters, read-only (also later)
    page_gone,       // peer
    log_source,      // descriptor, peer: what that process says (logd only; also later)
    confine,         // payload: sandbox::Confinement
    start,           // at a reload, argument 1: master waits for `reloaded`
    // child to master
    ready,
    failed,          // name: why
    want_channel,    // peer.service, peer.instance, argument: who of us asks, below
    drained,
    control,         // argument: ControlVerb, argument2
    // master to child, any time
    channel,         // descriptor, peer, argument: who asked
    refused,         // peer, argument: no such channel now
    reload,          // descriptor: the new slice
    log_level,       // argument
    drain,           // argument: 1 when a successor serves already, so that what runs may take its time
    control_answer,  // argument: ok or not; payload: ControlAnswer; a descriptor with a text when there is more to say
    ticket_key,      // payload: TicketKey, the one to use from now on; before the start and later
    want_syslog,     // child to master: its syslog socket is dead (logd only)
    syslog,          // master to child: descriptor, a socket connected to logging.syslog (logd only)
    reloaded,        // child to master: what the reload brought is in use
    files,           // master to child: descriptor, a bundle of the files of its row; also at a reload
};

// Who asked for a channel: the child's event loop, the child's blocking signature call, or the peer.
constexpr std::uint64_t asked_by_loop = 0, asked_by_blocking = 1, asked_by_peer = 2;

struct BirthMessage {
    BirthKind kind = BirthKind::start;
    ServiceId service = ServiceId::master;
    std::uint8_t reserved[3] = {};
    std::uint32_t instance = 0;
    std::uint32_t generation = 0;
    std::uint64_t argument = 0;
    std::uint64_t argument2 = 0;
    char name[128] = {};
    unsigned char payload[96] = {};

    void set_name(std::string_view text);
    std::string_view get_name() const;
    template <class T> void set_payload(const T& value) {
        static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof payload);
        __builtin_memcpy(payload, &value, sizeof value);
    }
    template <class T> T get_payload() const {
        static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof payload);
        T value;
        __builtin_memcpy(&value, payload, sizeof value);
        return value;
    }
};
static_assert(std::is_trivially_copyable_v<BirthMessage>);
BirthMessage of_kind(BirthKind kind, std::string_view name = {});

// What TLS session tickets of one service are sealed with: made by master, the same for all its processes, so that a
// session resumes at any of them and after a restart (RFC 5077 section 4). Current and former ones, the newest first.
struct TicketKey {
    std::uint8_t name[16], cipher[32], mac[32];
};
constexpr std::size_t ticket_keys_kept = 3;
using TicketKeys = std::deque<TicketKey>;
void add_ticket_key(TicketKeys& keys, const TicketKey& newest);

constexpr int birth_descriptor = 3;

// Sends without blocking, except while `wait` is set (a child at its start). Errc::unavailable: the peer's buffer is full.
Result<void> send_birth(int socket, const BirthMessage& message, int descriptor = -1, bool wait = false);

// The next message; Errc::unavailable when there is none now (never when `wait`), Errc::closed at the end,
// Errc::bad_message for anything that is not exactly one message with at most one descriptor. Its kind may be one that a
// newer master knows and we do not.
struct ReceivedBirth {
    BirthMessage message;
    Fd descriptor;
};
Result<ReceivedBirth> receive_birth(int socket, bool wait = false);

// A sealed memory file with these bytes, and the way back.
Result<Fd> memory_file(std::string_view name, std::string_view bytes);
Result<std::string> read_all(int fd, std::size_t limit);

} // namespace postern::ipc
