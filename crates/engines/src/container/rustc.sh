#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Stands between cargo and rustc in the Wasm build inside a container and does what `canonical.rs` does on a host: a
# package known by its path gets an identity without one, and generated files a name without cargo's hash. A test holds
# the two against each other.
set -eu
rustc=$1
shift

wasm=false
previous=
for argument in "$@"; do
    case "$previous $argument" in "--target wasm32"*) wasm=true ;; esac
    previous=$argument
done
# What runs during the build is not in the blob.
if ! $wasm; then exec "$rustc" "$@"; fi

local=false
case "${CARGO_MANIFEST_DIR:-}" in
"") ;;
"${CARGO_HOME:-/home/builder/cargo}"/*) if [ "$CARGO_MANIFEST_DIR" = "${CUTOVER_RUNTIME:-}" ]; then local=true; fi ;;
*) local=true ;;
esac

# A length of eight bytes, the lowest first, then the word.
word() {
    LC_ALL=C
    length=${#1}
    count=0
    while [ $count -lt 8 ]; do
        printf "\\$(printf '%03o' $((length & 255)))"
        length=$((length >> 8))
        count=$((count + 1))
    done
    printf '%s' "$1"
}

after() {
    flag=$1
    shift
    previous=
    for argument in "$@"; do
        if [ "$previous" = "$flag" ]; then printf '%s\n' "$argument"; fi
        previous=$argument
    done
}

identity() {
    {
        word "${CARGO_PKG_NAME:-}"
        word "${CARGO_PKG_VERSION:-}"
        after --crate-name "$@" | while IFS= read -r name; do word "$name"; done
        after --cfg "$@" | LC_ALL=C sort | while IFS= read -r cfg; do word "$cfg"; done
    } | b2sum -l 64 | cut -c 1-16
}

if $local; then
    metadata=metadata=$(identity "$@")
    previous=
    for argument in "$@"; do
        shift
        case "$previous $argument" in "-C metadata="*) set -- "$@" "$metadata" ;; *) set -- "$@" "$argument" ;; esac
        previous=$argument
    done
fi
if [ -n "${OUT_DIR:-}" ]; then
    set -- "$@" "--remap-path-prefix=$OUT_DIR=/build/target/out/${CARGO_PKG_NAME:-}-${CARGO_PKG_VERSION:-}"
fi
exec "$rustc" "$@"
