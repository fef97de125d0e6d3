# The Debian 12 packages Postern needs, by purpose; sourced by the other scripts, the one list there is.
# shellcheck shell=bash disable=SC2034

packages_build=(
    g++ cmake ninja-build ccache pkg-config git
    libevent-dev libssl-dev libsqlite3-dev libargon2-dev libldns-dev libopendkim-dev libspf2-dev
    libfmt-dev catch2 libhttp-parser-dev nlohmann-json3-dev libyaml-cpp-dev libcli11-dev
    libidn2-dev libidn-dev libcrypt-dev libpsl-dev libseccomp-dev libcap-dev libcurl4-openssl-dev zlib1g-dev libzstd-dev
)

# What a running instance and its demonstration use beside the binaries.
packages_run=(openssl python3 procps iproute2 ca-certificates)

# Clients we did not write, sanitizer and fuzzing runtimes, test runners.
packages_test=(
    clang llvm libclang-rt-14-dev python3-pytest python3-dnspython
    swaks libnet-ssleay-perl haproxy curl msmtp gsasl isync mutt nodejs npm strace
)

# scripts/test-full power: disks whose every write is recorded, the file systems on them.
packages_power=(python3-pytest strace qemu-system-common fuse3 e2fsprogs xfsprogs btrfs-progs util-linux mount kmod)

# scripts/test-full network: a signed DNS and who validates it, a greylist, packets that are dropped. Exim and OpenSMTPD are unpacked.
packages_network=(python3-pytest python3-dnspython postfix postgrey nsd unbound ldnsutils nftables iproute2 util-linux mount)

# scripts/test-full only: peers, packaging checks, fresh roots, tools for people.
packages_full=(
    postfix dovecot-imapd dovecot-lmtpd debootstrap lintian rpm clang-format clang-tidy
)

# Installs what is missing of the given packages; says what to do when that is not possible.
install_packages() {
    local missing=() name
    for name in "$@"; do
        # Some nodejs packages bring npm along and conflict with Debian's own package of it.
        [ "$name" = npm ] && command -v npm >/dev/null && continue
        dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'install ok installed' || missing+=("$name")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    if [ "$(id -u)" -ne 0 ]; then
        echo "These packages are missing and only root can install them: ${missing[*]}" >&2
        echo "Run: apt-get install ${missing[*]}" >&2
        return 1
    fi
    echo "Installing ${#missing[@]} packages: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q >/dev/null || { echo "apt-get update failed: check the network and /etc/apt" >&2; return 1; }
    apt-get install -q -y --no-install-recommends "${missing[@]}" >/tmp/postern-apt.$$ 2>&1 || {
        tail -20 /tmp/postern-apt.$$ >&2
        echo "apt-get could not install: ${missing[*]}" >&2
        return 1
    }
    rm -f /tmp/postern-apt.$$
}
