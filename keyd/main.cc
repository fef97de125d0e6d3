// postern-keyd: holds the private keys, signs, never reveals. See postern-keyd(8).
#include "ipc/birth.h"
#include "ipc/daemon.h"
#include "keyd/signing.h"
#include "libcommon/counters.h"
#include "libcommon/log.h"

#include <memory>

namespace {

using namespace postern;

constexpr std::size_t max_key_file = 64 * 1024;

Counter signed_ok{"keyd_signatures_total", "result=\"ok\"", "Signatures asked of keyd"};
Counter signed_not{"keyd_signatures_total", "result=\"refused\"", "Signatures asked of keyd"};

// One at a time: an unreadable key is reported and left out, the others still serve.
std::shared_ptr<keyd::KeyRing> load_keys(ipc::Daemon& daemon) {
    auto ring = std::make_shared<keyd::KeyRing>();
    for (ipc::Material& material : daemon.materials()) {
        if (material.kind != ipc::Material::Kind::private_key) continue;
        auto pem = ipc::read_all(material.descriptor.get(), max_key_file);
        material.descriptor.reset();
        auto added = pem ? ring->add(*pem) : Result<ipc::KeyName>(pem.error());
        if (!added) log::error("keyd.key.refused", {{"why", added.error().message()}});
    }
    return ring;
}

} // namespace

int main() {
    static std::shared_ptr<keyd::KeyRing> ring;
    return ipc::run_daemon({
        .self = ipc::ServiceId::keyd,
        .prepare = [](ipc::Daemon& daemon) { ring = load_keys(daemon); },
        .start = [](ipc::Daemon& daemon) {
            log::info("keyd.ready", {{"keys", ring->size()}});
            daemon.on<ipc::Sign>([](ipc::Incoming<ipc::Sign> in) {
                const ipc::Signature signature = ring->sign(in.message);
                (signature.status == ipc::SignStatus::ok ? signed_ok : signed_not).add();
                in.reply(signature);
            });
            daemon.on_reload([&daemon] { ring = load_keys(daemon); });
        },
    });
}
