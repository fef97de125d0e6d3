#include "master/handover.h"

#include "ipc/birth.h"

#include <fcntl.h>

namespace postern::master {

void let_pass(const Handover& handover, bool pass) {
    const auto mark = [pass](std::int32_t descriptor) {
        if (descriptor >= 0) ::fcntl(descriptor, F_SETFD, pass ? 0 : FD_CLOEXEC);
    };
    for (const HandedChild& child : handover.children)
        for (const std::int32_t descriptor : {child.birth, child.counter_page, child.log_read, child.log_write}) mark(descriptor);
    for (const HandedListener& listener : handover.listeners) mark(listener.socket);
    for (const std::int32_t descriptor : {handover.lock, handover.log_read, handover.log_write}) mark(descriptor);
}

Result<Handover> read_handover(int descriptor) {
    const Fd file(descriptor);
    auto bytes = ipc::read_all(descriptor, MaxEncoded<Handover>::value);
    if (!bytes) return bytes.error();
    auto handover = decode<Handover>(*bytes);
    if (handover && handover->version != Handover::current)
        return Error(Errc::bad_message, "the running master is of a version this one cannot follow");
    return handover;
}

} // namespace postern::master
