// Which files of tls.certificates are taken for certificates.
#include "ipc/bundle.h"
#include "master/certificates.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace postern;
namespace fs = std::filesystem;

namespace {

struct Directory {
    fs::path path = fs::temp_directory_path() / ("certificates_test." + std::to_string(::getpid()));
    Directory() { fs::create_directories(path); }
    ~Directory() { fs::remove_all(path); }
    void file(const fs::path& name, std::string_view text) const {
        fs::create_directories((path / name).parent_path());
        std::ofstream(path / name) << text;
    }
    Config config() const {
        Config config;
        for (const char* key : {"smtp.tls_cert", "smtp.tls_key", "imap.tls_cert", "imap.tls_key", "api.tls_cert", "api.tls_key"})
            config.set(key, "");
        config.set("tls.certificates", path);
        return config;
    }
};

std::string listed(const Fd& bundle, const fs::path& below) {
    auto files = ipc::read_bundle(ipc::reopened(bundle).get());
    REQUIRE(files.ok());
    std::string out;
    for (const auto& file : *files)
        out += (file.name.starts_with('/') ? fs::path(file.name).lexically_relative(below).string() : file.name) + "=" + file.bytes + " ";
    return out;
}

} // namespace

TEST_CASE("a directory as certbot keeps it, or pairs of files, in order of their names") {
    const Directory directory;
    directory.file("b.example/fullchain.pem", "B");
    directory.file("b.example/privkey.pem", "b");
    directory.file("b.example/cert.pem", "not this");
    directory.file("a.example.pem", "A");
    directory.file("a.example.key", "a");
    directory.file("README", "not this");
    directory.file("other/notes.txt", "nor this");
    directory.file("default.pem", "D");
    directory.file("default.key", "d");
    Config config = directory.config();
    config.set("smtp.tls_cert", directory.path / "default.pem");
    config.set("smtp.tls_key", directory.path / "default.key");
    auto files = master::open_certificates(config);
    REQUIRE(files.ok());
    CHECK(listed(files->chains, directory.path) == "smtp.tls_cert=D a.example.pem=A b.example/fullchain.pem=B default.pem=D ");
    CHECK(listed(files->keys, directory.path) == "smtp.tls_key=d a.example.key=a b.example/privkey.pem=b default.key=d ");
}

TEST_CASE("half a pair, a missing directory and a missing file are mistakes that say which") {
    const Directory directory;
    directory.file("a.example.pem", "A");
    auto half = master::open_certificates(directory.config());
    REQUIRE_FALSE(half.ok());
    CHECK(half.error().message().find("a.example.key") != std::string::npos);
    fs::remove(directory.path / "a.example.pem");
    directory.file("c.example/privkey.pem", "c");
    auto other_half = master::open_certificates(directory.config());
    REQUIRE_FALSE(other_half.ok());
    CHECK(other_half.error().message().find("c.example/fullchain.pem") != std::string::npos);
    Config config = directory.config();
    config.set("tls.certificates", directory.path / "missing");
    CHECK_FALSE(master::open_certificates(config).ok());
    config.set("tls.certificates", "");
    REQUIRE(master::open_certificates(config).ok());
    config.set("imap.tls_key", directory.path / "missing.pem");
    auto missing = master::open_certificates(config);
    REQUIRE_FALSE(missing.ok());
    CHECK(missing.error().message().find("imap.tls_key") != std::string::npos);
}
