#include "master/certificates.h"

#include "ipc/bundle.h"

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <vector>

namespace postern::master {
namespace {

namespace fs = std::filesystem;

Result<void> add_file(ipc::BundleWriter& bundle, const std::string& name, const std::string& path) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!file) return Error::from_errno("open " + path);
    if (auto added = bundle.add(name, file.get()); !added) return Error(added.error().code(), path + ": " + added.error().message());
    return {};
}

struct Pair {
    fs::path chain, key;
};

// NAME/fullchain.pem with NAME/privkey.pem, or NAME.pem with NAME.key; anything else in the directory is somebody else's.
std::vector<Pair> pairs_in(const fs::path& directory, std::error_code& error) {
    std::vector<Pair> pairs;
    for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
        const fs::path path = at->path();
        std::error_code none;
        if (at->is_directory(none) && (fs::exists(path / "fullchain.pem", none) || fs::exists(path / "privkey.pem", none)))
            pairs.push_back({path / "fullchain.pem", path / "privkey.pem"});
        else if (path.extension() == ".pem" && !at->is_directory(none))
            pairs.push_back({path, fs::path(path).replace_extension(".key")});
    }
    std::sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) { return a.chain < b.chain; });
    return pairs;
}

} // namespace

Result<CertificateFiles> open_certificates(const Config& config) {
    ipc::BundleWriter chains, keys;
    for (const char* section : {"smtp", "imap", "api"}) {
        const std::string chain = std::string(section) + ".tls_cert", key = std::string(section) + ".tls_key";
        if (!config.text(chain).empty())
            if (auto done = add_file(chains, chain, config.text(chain)); !done) return done.error().with("option", chain);
        if (!config.text(key).empty())
            if (auto done = add_file(keys, key, config.text(key)); !done) return done.error().with("option", key);
    }
    const std::string directory = config.text("tls.certificates");
    std::error_code error;
    for (const Pair& pair : directory.empty() ? std::vector<Pair>() : pairs_in(directory, error)) {
        auto done = add_file(chains, pair.chain, pair.chain);
        if (done) done = add_file(keys, pair.key, pair.key);
        if (!done) return done.error().with("option", "tls.certificates");
    }
    if (error) return Error(Errc::io, directory + ": " + error.message()).with("option", "tls.certificates");
    auto sealed_chains = chains.seal(), sealed_keys = keys.seal();
    if (!sealed_chains) return sealed_chains.error();
    if (!sealed_keys) return sealed_keys.error();
    return CertificateFiles{std::move(*sealed_chains), std::move(*sealed_keys)};
}

} // namespace postern::master
