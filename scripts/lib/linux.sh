# shellcheck shell=bash
# Downloads Debian's kernel and busybox for the Linux machine that `bench net` measures beside Caravan's. Only the files that this machine
# needs are unpacked, into a directory of build results; nothing is installed. Sourced by `entry.sh` after `setup.sh`, whose functions
# it uses.
#
# The other parts of that machine are Redis and its libraries, which are copied from this system (package redis-tools).

readonly linux_kernel_package=linux-image-amd64

# The members of the kernel's package that are unpacked: the kernel, and the modules of network cards with those that they need.
readonly linux_members=(
    '*/boot/vmlinuz-*'
    '*/kernel/drivers/net/*' '*/kernel/net/core/*'
    '*/kernel/drivers/virtio/*' '*/kernel/drivers/dca/*' '*/kernel/drivers/i2c/algos/*' '*/kernel/drivers/ptp/*' '*/kernel/drivers/pps/*'
)

# download_linux DIRECTORY CONSENT: downloads and unpacks into DIRECTORY, unless it exists; CONSENT is `given` or `ask`. Without success
# it prints the reason, and the benchmark does without Linux.
download_linux() {
    local directory=$1 consent=$2
    if [[ -e $directory ]]; then
        return
    fi
    case $(system_name) in
        debian-*) ;;
        *)
            echo "setup: the Linux machine is made of packages of Debian, and this is another system" >&2
            return
            ;;
    esac
    echo "bench net measures Debian's Linux beside Caravan, so the packages $linux_kernel_package and busybox-static (70 MB)"
    echo "are downloaded with apt and unpacked in $directory; they are not installed."
    require_consent "$consent"
    rm -rf "$directory.part"
    mkdir -p "$directory.part"
    if ! (cd "$directory.part" && fetch_linux); then
        echo "setup: apt cannot download $linux_kernel_package and busybox-static" >&2
        rm -rf "$directory.part"
        return
    fi
    mv "$directory.part" "$directory"
}

# Downloads and unpacks into the working directory. It runs as a condition, so each command is followed by its own check.
fetch_linux() {
    fetch_packages || { as_root apt-get update && fetch_packages; } || return
    unpack linux-image-*.deb "${linux_members[@]}" && unpack busybox-static_*.deb '*/bin/busybox' || return
    rm -- *.deb
    # Debian 13 compresses modules.
    find . -name '*.ko.xz' -exec unxz {} +
}

fetch_packages() {
    local image
    # The package is empty, and depends on the current version.
    image=$(apt-cache depends "$linux_kernel_package" | sed -n 's/^ *|\{0,1\}Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
    [[ -n $image ]] && apt-get --option APT::Sandbox::User=root download "$image" busybox-static
}

# unpack PACKAGE-FILE MEMBER...
unpack() {
    dpkg-deb --fsys-tarfile "$1" | tar --extract --wildcards "${@:2}"
}
