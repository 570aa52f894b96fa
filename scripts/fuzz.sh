#!/usr/bin/env bash
# Fuzzes the reading of rosters, with the stable compiler: coverage as cargo-fuzz asks for it, no
# sanitizer. (Where there is a nightly, `cargo fuzz run roster` does the same with one.)
#
#   scripts/fuzz.sh [SECONDS]     ten minutes unless told
#
# It begins with tests/rosters and with what it learnt before, in fuzz/corpus. What breaks lies in
# fuzz/artifacts afterwards, and the exit is not 0.
set -euo pipefail
cd "$(dirname "$0")/../fuzz"

readonly COVERAGE='-Cpasses=sancov-module
    -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table
    -Cllvm-args=-sanitizer-coverage-trace-compares
    -Ccodegen-units=1 --cfg fuzzing'

target=$(rustc -vV | sed -n 's/^host: //p')
mkdir -p corpus/roster artifacts/roster
# With a target, the flags are not for build scripts and macros.
RUSTFLAGS=${COVERAGE//$'\n'/ } cargo build --quiet --release --target "$target"
exec nice "${CARGO_TARGET_DIR:-target}/$target/release/roster" \
    -max_total_time="${1:-600}" -max_len=4096 -timeout=10 -rss_limit_mb=512 -dict=roster.dict \
    -artifact_prefix=artifacts/roster/ -print_final_stats=1 \
    corpus/roster ../tests/rosters/valid ../tests/rosters/invalid ../tests/rosters/ancestor
