// What a child is given before it may begin: all that its row of the service table grants, and nothing else.
#include "config/schema.h"
#include "ipc/bundle.h"
#include "libcommon/counters.h"
#include "libcommon/ids.h"
#include "libcommon/log.h"
#include "libcommon/text.h"
#include "master/supervisor.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace postern::master {

using ipc::BirthKind;
using ipc::BirthMessage;
using ipc::of_kind;
using ipc::ProcessState;
using ipc::ServiceId;

Config Supervisor::slice_of(const Service& row) const {
    Config slice;
    for (const config::Option& option : config::options())
        if ((option.for_services & config::bit(row.id)) != 0) slice.set(std::string(option.key), config_.text(option.key));
    slice.set("logging.level", std::string(log::to_string(level_)));   // what mailctl log level said outlives a restart of the child
    return slice;
}

namespace {

sandbox::Confinement confinement_of(const Child& child, const Config& config) {
    sandbox::Confinement confinement;
    confinement.uid = confinement.gid = child.uid;
    confinement.change_root = is_root();
    confinement.abilities = child.row.abilities;
    confinement.memory_bytes = std::uint64_t{child.row.memory_mib} << 20;
    confinement.open_files = child.row.open_files;
    confinement.filter = config.flag("server.seccomp");
    return confinement;
}

// Size-sealed: a child that shrinks its page cannot kill a reader with SIGBUS.
Result<Fd> make_page() {
    Fd page(::memfd_create("counters", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!page || ::ftruncate(page.get(), static_cast<off_t>(CounterPage::bytes)) != 0 ||
        ::fcntl(page.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        return Error::from_errno("make a counter page");
    return page;
}

} // namespace

// Everything its row grants, in the order daemon.cc takes it; then `start`.
Result<void> Supervisor::grant_all(Child& child) {
    auto give = [&](BirthMessage message, int descriptor = -1) {
        return ipc::send_birth(child.birth.get(), message, descriptor);
    };
    Result<void> done = give(of_kind(BirthKind::log_socket), child.log_write.get());
    auto slice = ipc::memory_file("config", slice_of(child.row).flat());
    if (!slice) return slice.error();
    if (done) done = give(of_kind(BirthKind::config), slice->get());
    auto page = make_page();
    if (!page) return page.error();
    child.counter_page = std::move(*page);
    if (done) done = give(of_kind(BirthKind::counter_page), child.counter_page.get());
    auto root = prepare_root(child.row, config_, options_);
    if (!root) return root.error();
    if (done) done = give(of_kind(BirthKind::root, path_of(child.row.root, config_).string()), root->get());
    for (std::string_view name : split(child.row.listeners, ' '))
        for (const auto& [key, listener] : listeners_.all())
            if (done && listener.name == name) done = give(of_kind(BirthKind::listener, listener.name), listener.socket.get());
    if (done) done = grant_certificates(child);
    if (done) done = grant_files(child);
    if (done) done = grant_ticket_keys(child);
    if (done && child.row.pages) done = grant_pages(child);
    if (child.row.logs) grant_log_sources(child);
    if (child.row.logs) grant_syslog(child);

    BirthMessage confine = of_kind(BirthKind::confine);
    confine.set_payload(confinement_of(child, config_));
    if (done) done = give(confine);
    BirthMessage begin = of_kind(BirthKind::start);
    begin.instance = child.instance;
    begin.generation = child.generation;
    if (done) done = give(begin);
    return done;
}

// Chains go to the fronts, keys to keyd: no front ever sees a key.
Result<void> Supervisor::grant_certificates(Child& child) {
    const bool shows = !child.row.certificates.empty();
    if (!shows && !child.row.keys) return {};
    const Fd bundle = ipc::reopened(shows ? certificates_.chains : certificates_.keys);
    if (!bundle) return Error::from_errno("open certificates again");
    return ipc::send_birth(child.birth.get(), of_kind(shows ? BirthKind::certificates : BirthKind::private_keys), bundle.get());
}

namespace {

enum class Secrecy { none, owner_alone };

Result<void> add_file(ipc::BundleWriter& bundle, std::string_view name, const std::string& path, Secrecy secrecy) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    struct stat found {};
    if (!file || ::fstat(file.get(), &found) != 0) return Error::from_errno("open");
    if (secrecy == Secrecy::owner_alone && (found.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return Error(Errc::denied, "others than its owner may read it");
    return bundle.add(name, file.get());
}

} // namespace

// Copied unread, as certificates are. Without one of them, or with one that is too large, there is a service all the same.
Result<void> Supervisor::grant_files(Child& child) {
    if (child.row.files.empty() && child.row.secret_files.empty()) return {};
    ipc::BundleWriter bundle;
    const auto add = [&](std::string_view names, Secrecy secrecy) {
        for (const std::string_view name : split(names, ' ')) {
            const std::string path = name.empty() || name.starts_with('/') ? std::string(name) : config_.text(name);
            if (path.empty()) continue;
            if (auto added = add_file(bundle, name, path, secrecy); !added)
                log::warning("master.file.skipped", {{"file", name}, {"path", path}, {"why", added.error().message()}});
        }
    };
    add(child.row.files, Secrecy::none);
    add(child.row.secret_files, Secrecy::owner_alone);
    auto sealed = bundle.seal();
    if (!sealed) return sealed.error();
    const Fd given = ipc::reopened(*sealed);
    if (!given) return Error::from_errno("open the files again");
    return ipc::send_birth(child.birth.get(), of_kind(BirthKind::files), given.get());
}

namespace {
BirthMessage ticket_key(const ipc::TicketKey& key) {
    BirthMessage message = of_kind(BirthKind::ticket_key);
    message.set_payload(key);
    return message;
}
} // namespace

Result<void> Supervisor::grant_ticket_keys(Child& child) {
    if (child.row.certificates.empty()) return {};
    const ipc::TicketKeys& keys = ticket_keys_[child.row.id];
    for (auto key = keys.rbegin(); key != keys.rend(); ++key)
        if (auto done = ipc::send_birth(child.birth.get(), ticket_key(*key)); !done) return done;
    return {};
}

// A ticket lives two hours (OpenSSL's default): the two former keys still open what they sealed.
void Supervisor::rotate_ticket_keys() {
    for (const Service& row : services()) {
        if (row.certificates.empty()) continue;
        ipc::TicketKey key;
        random_bytes(&key, sizeof key);
        ipc::add_ticket_key(ticket_keys_[row.id], key);
        for (const auto& child : children_)
            if (child->row.id == row.id) tell(*child, ticket_key(key));
    }
}

Result<void> Supervisor::grant_pages(Child& child) {
    for (const auto& other : children_) {
        // One that is still starting is announced when it is ready, and never when it does not get there.
        if (other->state != ProcessState::running) continue;
        BirthMessage message = of_kind(BirthKind::page);
        message.service = other->row.id;
        message.instance = other->instance;
        message.generation = other->generation;
        const Fd page = ipc::reopened(other->counter_page);
        if (auto done = ipc::send_birth(child.birth.get(), message, page.get()); !done) return done;
    }
    return {};
}

void Supervisor::grant_log_sources(Child& logd) {
    auto give = [&](ServiceId service, std::uint32_t instance, const Fd& source) {
        BirthMessage message = of_kind(BirthKind::log_source);
        message.service = service;
        message.instance = instance;
        if (source) (void)ipc::send_birth(logd.birth.get(), message, source.get());
    };
    give(ServiceId::master, 0, own_log_read_);
    for (const auto& child : children_) give(child->row.id, child->instance, child->log_read);
}

// Not there yet, or gone: logd asks again when it has something to say.
void Supervisor::grant_syslog(Child& logd) {
    const std::string path = config_.text("logging.syslog");
    if (path.empty()) return;
    if (auto socket = connect_datagram(path)) tell(logd, of_kind(BirthKind::syslog), socket->get());
}

void Supervisor::announce_page(Child& of) {
    for (const auto& reader : children_) {
        if (!reader->row.pages) continue;
        BirthMessage message = of_kind(BirthKind::page);
        message.service = of.row.id;
        message.instance = of.instance;
        message.generation = of.generation;
        const Fd page = ipc::reopened(of.counter_page);
        tell(*reader, message, page.get());
    }
}

} // namespace postern::master
