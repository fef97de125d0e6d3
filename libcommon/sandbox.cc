#include "libcommon/sandbox.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <grp.h>
#include <initializer_list>
#include <linux/landlock.h>
#include <seccomp.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace postern::sandbox {
namespace {

struct AbilityCalls {
    std::uint32_t ability;           // 0: everybody
    std::initializer_list<int> calls;
};

// The allow-list. Nobody may execve, ptrace, process_vm_*, pidfd_getfd, kill others; who has no business
// with the network opens no socket: those calls are simply not here.
[[maybe_unused]] const AbilityCalls allowed[] = {
    {0, {SCMP_SYS(read), SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(close), SCMP_SYS(lseek),
         SCMP_SYS(recvmsg), SCMP_SYS(sendmsg), SCMP_SYS(recvfrom), SCMP_SYS(sendto), SCMP_SYS(shutdown),
         SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2), SCMP_SYS(epoll_ctl),
         SCMP_SYS(epoll_create1), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(eventfd2), SCMP_SYS(timerfd_create),
         SCMP_SYS(timerfd_settime), SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(getpid), SCMP_SYS(gettid),
         SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(getrandom),
         SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday),
         SCMP_SYS(time), SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect),
         SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(rseq), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
         SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),
         SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(fcntl), SCMP_SYS(dup),
         SCMP_SYS(dup3), SCMP_SYS(getrusage), SCMP_SYS(prlimit64), SCMP_SYS(set_robust_list),
         SCMP_SYS(ioctl), SCMP_SYS(getsockopt), SCMP_SYS(uname), SCMP_SYS(sysinfo), SCMP_SYS(getcwd)}},
    {accept_sockets, {SCMP_SYS(accept4), SCMP_SYS(accept), SCMP_SYS(getsockname), SCMP_SYS(getpeername),
                      SCMP_SYS(setsockopt)}},
    {pass_sockets, {SCMP_SYS(socketpair), SCMP_SYS(setsockopt)}},
    {files_read, {SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(openat2), SCMP_SYS(stat), SCMP_SYS(lstat),
                  SCMP_SYS(statx), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(getdents64),
                  SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(pread64), SCMP_SYS(preadv), SCMP_SYS(statfs),
                  SCMP_SYS(fstatfs), SCMP_SYS(fadvise64), SCMP_SYS(flock)}},
    {files_write, {SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(unlink), SCMP_SYS(unlinkat),
                   SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(rmdir), SCMP_SYS(link), SCMP_SYS(linkat),
                   SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(sync_file_range), SCMP_SYS(syncfs),
                   SCMP_SYS(ftruncate), SCMP_SYS(fallocate), SCMP_SYS(pwrite64), SCMP_SYS(pwritev),
                   SCMP_SYS(pwritev2), SCMP_SYS(utimensat), SCMP_SYS(fchmod), SCMP_SYS(fchmodat), SCMP_SYS(chmod),
                   SCMP_SYS(umask), SCMP_SYS(copy_file_range), SCMP_SYS(fchown)}},
    {threads, {SCMP_SYS(clone), SCMP_SYS(sched_setscheduler), SCMP_SYS(sched_getparam),
               SCMP_SYS(sched_getscheduler), SCMP_SYS(setpriority), SCMP_SYS(membarrier), SCMP_SYS(set_tid_address)}},
    {database, {SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(msync), SCMP_SYS(fchown)}},
    {large_memory, {SCMP_SYS(mlock), SCMP_SYS(munlock)}},
    {connect_sockets, {SCMP_SYS(socket), SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(getsockname), SCMP_SYS(getpeername),
                       SCMP_SYS(setsockopt)}},
};

Error failed(std::string_view what) { return Error::from_errno(what); }

Result<void> limit(int resource, std::uint64_t value, std::string_view what) {
    const rlimit wanted{value, value};
    if (::setrlimit(static_cast<__rlimit_resource_t>(resource), &wanted) != 0) return failed(what);
    return {};
}

Result<void> set_limits(const Confinement& confinement) {
    if (auto done = limit(RLIMIT_CORE, 0, "limit core dumps"); !done) return done;
    // More than the host grants master is not to be had, even by root in a container: then as much as there is.
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    const auto wanted = std::min<std::uint64_t>(confinement.open_files, files.rlim_max);
    if (auto done = limit(RLIMIT_NOFILE, wanted, "limit open files"); !done) return done;
#ifndef POSTERN_SANITIZED
    if (confinement.memory_bytes != 0)
        if (auto done = limit(RLIMIT_AS, confinement.memory_bytes, "limit memory"); !done) return done;
#endif
    return {};
}

// Below `root` only, where the kernel has Landlock; a second wall behind chroot, the only one without root.
bool restrict_files(int root, std::uint32_t abilities) {
#ifdef POSTERN_SANITIZED
    (void)root, (void)abilities;
    return true;
#else
    constexpr std::uint64_t read_rights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
    constexpr std::uint64_t write_rights =
        LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
        LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG;
    landlock_ruleset_attr attributes{};
    attributes.handled_access_fs = read_rights | write_rights | LANDLOCK_ACCESS_FS_EXECUTE |
                                   LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                                   LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
                                   LANDLOCK_ACCESS_FS_MAKE_SYM;
    const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1) return false;
    // Without REFER (ABI 2), Landlock forbids every rename across directories: a Maildir cannot live with that.
    const bool renames = (abilities & files_write) != 0;
    if (renames && version < 2) return false;
#ifdef LANDLOCK_ACCESS_FS_REFER
    constexpr std::uint64_t refer = LANDLOCK_ACCESS_FS_REFER;
#else
    constexpr std::uint64_t refer = 1ULL << 13;
#endif
    if (version >= 2) attributes.handled_access_fs |= refer;
    const Fd rules(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0)));
    if (!rules) return false;
    landlock_path_beneath_attr beneath{};
    beneath.parent_fd = root;
    if (abilities & files_read) beneath.allowed_access |= read_rights;
    if (abilities & files_write) beneath.allowed_access |= write_rights | (version >= 2 ? refer : 0);
    if (beneath.allowed_access != 0 && root >= 0 &&
        ::syscall(SYS_landlock_add_rule, rules.get(), LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) != 0)
        return false;
    return ::syscall(SYS_landlock_restrict_self, rules.get(), 0) == 0;
#endif
}

Result<void> change_user(const Confinement& confinement) {
    if (confinement.uid == 0) return {};
    for (int capability = 0; capability <= CAP_LAST_CAP; ++capability)
        if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno != EINVAL) return failed("empty the bounding set");
    if (::setgroups(0, nullptr) != 0) return failed("drop groups");
    if (::setresgid(confinement.gid, confinement.gid, confinement.gid) != 0) return failed("change group");
    if (::setresuid(confinement.uid, confinement.uid, confinement.uid) != 0) return failed("change user");
    const Owned<_cap_struct, cap_free> none(cap_init());
    if (!none || cap_set_proc(none.get()) != 0) return failed("drop capabilities");
    if (::setresuid(static_cast<uid_t>(-1), 0, static_cast<uid_t>(-1)) == 0)
        return Error(Errc::denied, "root could be taken back after it was given up");
    return {};
}

Result<void> filter_calls([[maybe_unused]] std::uint32_t abilities) {
#ifndef POSTERN_SANITIZED
    const Owned<void, seccomp_release> filter(seccomp_init(SCMP_ACT_KILL_PROCESS));
    if (!filter) return Error(Errc::io, "no memory for the system call filter");
    for (const AbilityCalls& row : allowed) {
        if (row.ability != 0 && (abilities & row.ability) == 0) continue;
        for (int call : row.calls)
            if (const int rc = seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0); rc != 0 && rc != -EEXIST)
                return Error::from_errno("build the system call filter", -rc);
    }
    // glibc tries clone3 first and falls back to clone where it does not exist.
    seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    // abort() and assertion failures signal themselves; nobody signals anybody else.
    const scmp_arg_cmp itself{0, SCMP_CMP_EQ, static_cast<scmp_datum_t>(::getpid()), 0};
    seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &itself);
    // libraries that look for a file or a terminal get a plain "no" instead of death
    if ((abilities & files_read) == 0)
        for (int call : {SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(access), SCMP_SYS(stat), SCMP_SYS(readlink)})
            seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EACCES), call, 0);
    if (const int rc = seccomp_load(filter.get()); rc != 0) return Error::from_errno("load the system call filter", -rc);
#endif
    return {};
}

} // namespace

Result<void> enter(const Confinement& confinement, int root, std::string& missing) {
    missing.clear();
    // 1. limits, while we still may raise them
    if (auto done = set_limits(confinement); !done) return done;
    // 2. the root; "/" is now what the row names
    if (confinement.change_root) {
        if (::fchdir(root) != 0 || ::chroot(".") != 0 || ::chdir("/") != 0) return failed("change root");
    }
    // 3. the user, and with it every capability
    if (auto done = change_user(confinement); !done) return done;
    // 4. nothing gained by exec, nothing seen by ptrace or in /proc
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed("set no_new_privs");
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return failed("become non-dumpable");
    ::umask(0077);
    // 5. files, then calls: the filter forbids what sets Landlock up
    if (!restrict_files(root, confinement.abilities)) missing = "landlock";
    if (!confinement.filter) {
        missing += missing.empty() ? "seccomp" : " seccomp";
        return {};
    }
    return filter_calls(confinement.abilities);
}

} // namespace postern::sandbox
