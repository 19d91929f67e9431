# shellcheck shell=bash
# Finds missing programs and installs them with apt on Debian 12 and 13; on other systems it lists what to install.
# Sourced by `entry.sh`. If nothing is missing, it uses neither apt nor the network.
#
# Consent is the argument --yes, the variable CI (unless it is empty, 0 or false), or a reply on the terminal. Without consent the
# setup stops. apt is never allowed to remove a package.

# The oldest suitable QEMU, by its major version. Debian 12's own, 7.2, does not emulate an x2APIC, and the plugin of the latency test
# needs 9.2.
readonly qemu_version_min=10

# The oldest suitable Rust is 1.N with this N, from the workspace's Cargo.toml.
rust_minor_min=$(sed -n 's/^rust-version = "1\.\([0-9]*\).*/\1/p' "$(dirname -- "${BASH_SOURCE[0]}")/../../Cargo.toml")
readonly rust_minor_min

readonly rust_packages=(rustc-web cargo-web rust-web-src rust-web-clippy rustfmt-web)
readonly qemu_packages=(qemu-system-x86 qemu-system-common qemu-system-data)
readonly other_packages=(
    gcc libc6-dev                                                         # cargo links programs of the host with cc
    lld                                                                   # links the kernel and the programs
    ovmf seabios                                                          # UEFI and BIOS
    grub-pc-bin grub-efi-amd64-bin grub-common xorriso mtools             # the image
    bochs bochsbios bochs-term                                            # a second, independent PC
    dnsmasq-base                                                          # the start from the network
    redis-tools iproute2 util-linux                                       # clients, and their network namespace
    ca-certificates                                                       # to fetch crates
)
# The programs of the packages above, for systems with other package names.
readonly programs=(cargo rustc cc ld.lld qemu-system-x86_64 bochs grub-mkrescue grub-mknetdir xorriso mformat dnsmasq redis-cli
    redis-benchmark ip unshare)

readonly backports_file=/etc/apt/sources.list.d/caravan-backports.sources

# set_up COMMAND CONSENT: installs everything that COMMAND needs; CONSENT is `given` or `ask`.
set_up() {
    local command=$1 consent=$2
    case $(system_name) in
        debian-12 | debian-13) set_up_debian "$command" "$consent" ;;
        *) explain_elsewhere ;;
    esac
}

# system_name [FILE]: this system's name, from its os-release FILE.
system_name() {
    # shellcheck source=/dev/null
    (source "${1:-/etc/os-release}" 2>/dev/null && echo "${ID:-}-${VERSION_ID:-}")
}

set_up_debian() {
    local command=$1 consent=$2 missing=() qemu=()
    mapfile -t missing < <(missing_packages "$command")
    if ! is_qemu_new_enough; then
        qemu=("${qemu_packages[@]}")
    fi
    if ((${#missing[@]} + ${#qemu[@]} == 0)); then
        return
    fi
    local source=no
    if ((${#qemu[@]} > 0)) && ! offers_new_qemu; then
        source=yes
    fi
    print_plan "$source" "${missing[@]}" "${qemu[@]}"
    require_consent "$consent"
    install_all "$source"
}

# install_all SOURCE: installs the packages in `missing` and `qemu`, variables of its caller.
install_all() {
    local source=$1
    if [[ $source == yes ]]; then
        backports_source | as_root tee "$backports_file" >/dev/null
    fi
    as_root apt-get update
    if ((${#missing[@]} > 0)); then
        apt_install "${missing[@]}"
    fi
    if ((${#qemu[@]} > 0)); then
        # On Debian 12 apt takes a newer version from backports only when told to.
        local release=()
        if [[ $(system_name) == debian-12 ]]; then
            release=(--target-release bookworm-backports)
        fi
        apt_install "${release[@]}" "${qemu[@]}"
    fi
    if is_debian_toolchain_wanted && ! is_rust_new_enough /usr/bin/rustc; then
        fail "Debian's rustc-web is older than 1.$rust_minor_min here: give apt the suites -security and -updates"
    fi
    if ! is_qemu_new_enough; then
        fail "QEMU is still older than $qemu_version_min: $(command -v qemu-system-x86_64 || echo 'not on PATH')"
    fi
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends --no-remove "$@"
}

# The missing packages that COMMAND needs, one per line.
missing_packages() {
    local command=$1 wanted=("${other_packages[@]}") package
    if is_debian_toolchain_wanted; then
        if is_rust_new_enough /usr/bin/rustc; then
            wanted+=("${rust_packages[@]}")
        else
            # They are listed even if they are installed, so that apt upgrades them.
            printf '%s\n' "${rust_packages[@]}"
        fi
    fi
    if [[ $command == debug ]]; then
        wanted+=(gdb)
    fi
    local installed
    installed=$(dpkg-query --show --showformat='${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null || true)
    for package in "${wanted[@]}"; do
        if ! grep -qxF "installed $package" <<<"$installed"; then
            echo "$package"
        fi
    done
}

# Whether to use Debian's toolchain: if all of its parts are installed, or if no other suitable one is on the path. A toolchain of
# rustup needs the component rust-src, but no further packages.
is_debian_toolchain_wanted() {
    is_debian_toolchain_whole || ! has_library_source rustc || ! is_rust_new_enough rustc
}

is_debian_toolchain_whole() {
    [[ -x /usr/bin/cargo && $(sysroot_of /usr/bin/rustc) == /usr ]] && has_library_source /usr/bin/rustc
}

has_library_source() {
    local sysroot
    sysroot=$(sysroot_of "$1")
    [[ -n $sysroot && -e $sysroot/lib/rustlib/src/rust/library/core/Cargo.toml ]]
}

sysroot_of() {
    RUSTUP_AUTO_INSTALL=0 "$1" --print sysroot 2>/dev/null || true
}

is_rust_new_enough() {
    local minor
    minor=$(RUSTUP_AUTO_INSTALL=0 "$1" --version 2>/dev/null | sed -n 's/^rustc 1\.\([0-9]*\).*/\1/p')
    [[ -n $minor ]] && ((minor >= rust_minor_min))
}

is_qemu_new_enough() {
    local version
    version=$(qemu-system-x86_64 --version 2>/dev/null | sed -n 's/^QEMU emulator version \([0-9]*\).*/\1/p')
    [[ -n $version ]] && ((version >= qemu_version_min))
}

# Whether one of apt's sources has a suitable QEMU.
offers_new_qemu() {
    local version
    while read -r version; do
        version=${version#*:}
        if ((${version%%.*} >= qemu_version_min)); then
            return 0
        fi
    done < <(apt-cache madison qemu-system-x86 2>/dev/null | awk -F'|' '{ gsub(/ /, "", $2); print $2 }')
    # Debian 13 needs no further source, only an update of the lists.
    [[ $(system_name) == debian-13 ]]
}

backports_source() {
    cat <<EOF
# Added by Caravan's setup: Debian 12's own QEMU is too old.
Types: deb
URIs: $(debian_mirror)
Suites: bookworm-backports
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
EOF
}

# The mirror that this machine already uses.
debian_mirror() {
    local mirror
    # shellcheck disable=SC2016
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' 'Codename: bookworm' 'Component: main' \
        2>/dev/null | head -n 1)
    echo "${mirror:-http://deb.debian.org/debian}"
}

print_plan() {
    local source=$1
    shift
    echo "Caravan needs packages that are not installed here, or newer ones:"
    printf '  %s\n' "$@"
    if [[ $source == yes ]]; then
        echo "and for QEMU the source bookworm-backports, as $backports_file."
    fi
}

require_consent() {
    local answer
    if [[ $1 == given ]]; then
        return
    fi
    case ${CI:-} in
        '' | 0 | false) ;;
        *) return ;;
    esac
    if [[ ! -t 0 ]]; then
        fail "there is no terminal to ask on: pass --yes to install them, or --no-setup to continue without them"
    fi
    read -r -p "Install them with apt? [y/N] " answer
    if [[ $answer != [yY]* ]]; then
        fail "nothing was installed; --no-setup continues without them"
    fi
}

explain_elsewhere() {
    local program absent=()
    for program in "${programs[@]}"; do
        if ! command -v "$program" >/dev/null; then
            absent+=("$program")
        fi
    done
    if ! is_qemu_new_enough; then
        absent+=("QEMU $qemu_version_min or newer")
    fi
    if ! is_rust_new_enough rustc; then
        absent+=("Rust 1.$rust_minor_min or newer")
    fi
    if ! has_library_source rustc; then
        absent+=("the source of Rust's library (with rustup: rustup component add rust-src)")
    fi
    if ((${#absent[@]} > 0)); then
        echo "This is neither Debian 12 nor 13, so install these yourself:" >&2
        printf '  %s\n' "${absent[@]}" >&2
        fail "--no-setup continues without them"
    fi
}

as_root() {
    if ((EUID == 0)); then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "need root for: $*"
    fi
}

fail() {
    echo "setup: $*" >&2
    exit 1
}
