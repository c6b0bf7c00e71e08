# SPDX-License-Identifier: Apache-2.0
# Shared by `build`, `info` and `version`: the facts that their JSON documents contain.

# Prints a JSON string.
string() {
    printf '"%s"' "$(printf %s "$1" | tr -d '\000-\037' | sed 's/[\\"]/\\&/g')"
}

# Prints the JSON string of the output of a git command, empty if it fails. The mounted work tree has another owner.
git_fact() {
    fact=$(git -c safe.directory=/build -C /build "$@" 2> /dev/null) || fact=
    string "$fact"
}

# Sets the variables of the contract that are not set, and `library`.
defaults() {
    PACKAGE=${PACKAGE:-}
    name=${PACKAGE%-runtime}
    RUNTIME_DIR=${RUNTIME_DIR:-runtime/$name}
    PROFILE=${PROFILE:-release}
    BUILD_OPTS=${BUILD_OPTS:-}
    library=$(printf %s "$PACKAGE" | tr - _)
    source=zip
    if [ -e /build/.git ]; then source=git; fi
}

# Prints the version of a package in the lock file.
crate_version() {
    sed -n "/^name = \"$1\"\$/ { n; s/^version = \"\\(.*\\)\"\$/\\1/p; q; }" /build/Cargo.lock 2> /dev/null || true
}

# Prints the document of `info`.
info() {
    printf '{"generator":{"name":"cutover-builder","version":"2"},"src":"%s","version":%s,' \
        "$source" "$(string "$(crate_version "$PACKAGE")")"
    printf '"git":{"commit":%s,"tag":%s,"branch":%s},' \
        "$(git_fact rev-parse HEAD)" "$(git_fact describe --tags --abbrev=0)" "$(git_fact rev-parse --abbrev-ref HEAD)"
    printf '"rustc":%s,"pkg":%s,"profile":%s}' "$(string "$(rustc --version)")" "$(string "$PACKAGE")" "$(string "$PROFILE")"
}
