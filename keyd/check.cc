// tls-check: whether fronts and keyd could use these certificates and keys. master runs it before a reload, as keyd's user;
// it judges the very memory files that fronts and keyd get afterwards.
//
// Standard input is the bundle of chains, descriptor 3 that of keys (ipc/bundle.h). Exit status: 0 usable, 65 (EX_DATAERR) with one
// mistake per line on standard error.
#include "ipc/bundle.h"
#include "keyd/signing.h"
#include "libtls/context.h"

#include <cstdio>
#include <set>
#include <sys/prctl.h>
#include <unistd.h>

namespace {

using namespace postern;

bool mistaken = false;

void mistake(const std::string& where, const std::string& what) {
    mistaken = true;
    std::fprintf(stderr, "%s: %s\n", where.c_str(), what.c_str());
}

std::vector<ipc::Bundled> files_of(int descriptor, const char* what) {
    auto files = ipc::read_bundle(descriptor);
    if (files) return std::move(*files);
    mistake(what, files.error().message());
    return {};
}

} // namespace

int main() {
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    keyd::KeyRing ring;
    std::set<ipc::KeyName> keys;
    for (ipc::Bundled& file : files_of(STDERR_FILENO + 1, "private keys")) {
        auto added = ring.add(file.bytes);
        if (added) keys.insert(*added);
        else mistake(file.name, added.error().message());
    }
    for (const ipc::Bundled& file : files_of(STDIN_FILENO, "certificates")) {
        const std::string fault = tls::fault_of(file.bytes, [&](const ipc::KeyName& name) { return keys.contains(name); });
        if (!fault.empty()) mistake(file.name, fault);
    }
    return mistaken ? 65 : 0;
}
