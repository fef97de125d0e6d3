// What an upgrade hands from the old master to the new one, which is the same process: descriptors by number, in a
// sealed memory file whose own number is on the command line (--resume).
#pragma once

#include "ipc/service_id.h"
#include "libcommon/codec.h"
#include "libcommon/owned.h"
#include "libcommon/result.h"

namespace postern::master {

struct HandedChild {
    ipc::ServiceId service{};
    std::uint32_t instance = 0, generation = 0, uid = 0;
    std::int32_t pid = -1;               // -1: it was waiting for its next start
    bool ready = false, leaving = false;
    std::int64_t started = 0;
    std::uint32_t restarts = 0;
    std::int32_t birth = -1, counter_page = -1, log_read = -1, log_write = -1;
    static auto fields(auto& m) {
        return std::tie(m.service, m.instance, m.generation, m.uid, m.pid, m.ready, m.leaving, m.started, m.restarts, m.birth,
                        m.counter_page, m.log_read, m.log_write);
    }
};

struct HandedListener {
    Text<64> name;
    Text<256> address;
    std::int32_t socket = -1;
    static auto fields(auto& m) { return std::tie(m.name, m.address, m.socket); }
};

struct Handover {
    static constexpr std::uint32_t current = 1;
    std::uint32_t version = current;     // another one is refused before anybody is touched
    List<HandedChild, 1024> children;
    List<HandedListener, 256> listeners;
    std::int32_t lock = -1, log_read = -1, log_write = -1;
    static auto fields(auto& m) {
        return std::tie(m.version, m.children, m.listeners, m.lock, m.log_read, m.log_write);
    }
};

// The descriptors of a handover: closed at exec, or not.
void let_pass(const Handover& handover, bool pass);

Result<Handover> read_handover(int descriptor);

} // namespace postern::master
