# shellcheck shell=bash
# For other scripts to source: what runs is named before, and how long it took is said after.

step() {
    local start=$SECONDS
    printf '\n== %s\n' "$1"
    shift
    "$@"
    printf '   (%d s)\n' $((SECONDS - start))
}
