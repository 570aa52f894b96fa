#!/usr/bin/env bash
# Prints how many packages each crate brings along, itself included, and fails unless that is under its limit.
# A limit is raised by a commit that says why, never by accident.
set -euo pipefail
cd "$(dirname "$0")/.."

# Crate, limit and features; without features its default ones: what who depends on it gets unasked.
readonly LIMITS='
podfleet-home 12
podfleet-roster 110
podfleet-protocol 30
podfleet-pod-store 60
podfleet-tmux 30
podfleet-harness 30
podfleet-connectors 40
podfleet-connectors 150 matrix
podfleet-hub 230
podfleet-cli 210 fleet
podfleet-cli 400
podfleet-cli 130 validate
'
# What counts here is for every system: the chat connectors' TLS asks the system which certificates it
# trusts, and that has one crate tree each for Android, macOS and Windows.
readonly LOCK_LIMIT=500

packages_of() {
    local features=()
    [[ -z ${2:-} ]] || features=(--no-default-features --features "$2")
    # The same package may stand in the tree with marks behind its version.
    cargo tree --locked --package "$1" "${features[@]}" --edges normal --prefix none |
        awk '{ print $1, $2 }' | sort -u | wc -l
}

status=0
check() {
    local name=$1 count=$2 limit=$3 verdict=ok
    if ((count >= limit)); then
        verdict='TOO MANY'
        status=1
    fi
    printf '%-24s %4d under %4d  %s\n' "$name" "$count" "$limit" "$verdict"
}

while read -r package limit features; do
    [[ -n $package ]] || continue
    # An assignment of its own, so that a failing cargo ends the script.
    count=$(packages_of "$package" "$features")
    check "$package${features:+ ($features)}" "$count" "$limit"
done <<<"$LIMITS"
count=$(grep -c '^\[\[package\]\]' Cargo.lock)
check 'Cargo.lock (all)' "$count" "$LOCK_LIMIT"
exit "$status"
