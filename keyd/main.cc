// postern-keyd: holds the private keys, signs, never reveals. See postern-keyd(8).
#include "ipc/birth.h"
#include "ipc/daemon.h"
#include "keyd/signing.h"
#include "libcommon/counters.h"
#include "libcommon/log.h"

#include <memory>

namespace {

using namespace postern;

Counter signed_ok{"keyd_signatures_total", "result=\"ok\"", "Signatures asked of keyd"};
Counter signed_not{"keyd_signatures_total", "result=\"refused\"", "Signatures asked of keyd"};

// An unreadable key is reported and left out, the others still serve.
std::shared_ptr<keyd::KeyRing> load_keys(ipc::Daemon& daemon) {
    auto ring = std::make_shared<keyd::KeyRing>();
    const Fd bundle = daemon.take_private_keys();
    auto files = bundle ? ipc::read_bundle(bundle.get()) : std::vector<ipc::Bundled>();
    if (!files) {
        log::error("keyd.keys.unreadable", {{"why", files.error().message()}});
        return ring;
    }
    for (ipc::Bundled& file : *files)
        if (auto added = ring->add(file.bytes); !added)
            log::error("keyd.key.refused", {{"key", file.name}, {"why", added.error().message()}});
    return ring;
}

// `before`: fronts still sign with the keys of before a reload until they have followed, and for handshakes that run.
struct Rings {
    std::shared_ptr<keyd::KeyRing> now, before;

    ipc::Signature sign(const ipc::Sign& request) const {
        const ipc::Signature signature = now->sign(request);
        return signature.status == ipc::SignStatus::unknown_key && before ? before->sign(request) : signature;
    }
};

} // namespace

int main() {
    static Rings rings;
    return ipc::run_daemon({
        .self = ipc::ServiceId::keyd,
        .prepare = [](ipc::Daemon& daemon) { rings.now = load_keys(daemon); },
        .start = [](ipc::Daemon& daemon) {
            log::info("keyd.ready", {{"keys", rings.now->size()}});
            daemon.on<ipc::Sign>([](ipc::Incoming<ipc::Sign> in) {
                const ipc::Signature signature = rings.sign(in.message);
                (signature.status == ipc::SignStatus::ok ? signed_ok : signed_not).add();
                in.reply(signature);
            });
            daemon.on_reload([&daemon] {
                rings.before = std::move(rings.now);
                rings.now = load_keys(daemon);
            });
        },
    });
}
