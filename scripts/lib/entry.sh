#!/usr/bin/env bash
# The common entry of all scripts: installs missing packages, then runs the xtask.
#
#   entry.sh COMMAND [--yes | --no-setup] [ARGUMENT...]
set -euo pipefail

lib=$(dirname -- "$(readlink -f -- "$0")")
root=$(dirname -- "$(dirname -- "$lib")")
# shellcheck source=scripts/lib/setup.sh
source "$lib/setup.sh"
# shellcheck source=scripts/lib/linux.sh
source "$lib/linux.sh"

consent=ask
arguments=()
for argument in "$@"; do
    case $argument in
        --yes) consent=given ;;
        --no-setup) consent=none ;;
        --help | -h) consent=none arguments+=("$argument") ;;
        *) arguments+=("$argument") ;;
    esac
done
if [[ $consent != none ]]; then
    set_up "${arguments[0]}" "$consent"
    if [[ ${arguments[0]} == bench && " ${arguments[*]} " == *" net "* ]]; then
        download_linux "${CARGO_TARGET_DIR:-$root/target}/caravan/linux" "$consent"
    fi
fi

# Prevents rustup from installing or upgrading a toolchain.
export RUSTUP_AUTO_INSTALL=0
if is_debian_toolchain_whole; then
    export RUSTC=/usr/bin/rustc
    cargo=/usr/bin/cargo
else
    cargo=cargo
fi
exec "$cargo" run --quiet --manifest-path "$root/Cargo.toml" --package xtask -- "${arguments[@]}"
