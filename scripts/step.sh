# shellcheck shell=bash
# For other scripts to source: what runs is named before, and how long it took is said after; and how
# many tests run at once.

step() {
    local start=$SECONDS
    printf '\n== %s\n' "$1"
    shift
    "$@"
    printf '   (%d s)\n' $((SECONDS - start))
}

# Most tests wait for programs most of their time.
export NEXTEST_TEST_THREADS=${NEXTEST_TEST_THREADS:-$((2 * $(nproc)))}
