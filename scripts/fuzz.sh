#!/usr/bin/env bash
# Fuzzes a reader, with the stable compiler: coverage as cargo-fuzz asks for it, no sanitizer. (Where
# there is a nightly, `cargo fuzz run roster` does the same with one.)
#
#   scripts/fuzz.sh roster [SECONDS]         the reading of rosters; ten minutes unless told
#   scripts/fuzz.sh codec [SECONDS]          lines and frames of the pod socket
#   scripts/fuzz.sh hub_path [SECONDS]       paths below a mount, plain, in URLs and as URIs
#   scripts/fuzz.sh session_log [SECONDS]    the reader of session logs, and what a writer goes on from
#
# It begins with what the tests have of its kind and with what it learnt before, in fuzz/corpus.
# What breaks lies in fuzz/artifacts afterwards, and the exit is not 0.
set -euo pipefail
cd "$(dirname "$0")/../fuzz"

readonly COVERAGE='-Cpasses=sancov-module
    -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table
    -Cllvm-args=-sanitizer-coverage-trace-compares
    -Ccodegen-units=1 --cfg fuzzing'

name=${1:?roster, codec, hub_path or session_log}
case $name in
roster)
    seeds=(../tests/rosters/valid ../tests/rosters/invalid ../tests/rosters/ancestor)
    options=(-max_len=4096 -dict=roster.dict)
    ;;
codec)
    seeds=(../tests/transcripts)
    options=(-max_len=2048 -dict=protocol.dict)
    ;;
hub_path)
    seeds=()
    options=(-max_len=512)
    ;;
session_log)
    seeds=()
    options=(-max_len=4096 -dict=protocol.dict)
    ;;
*)
    echo "no such fuzz target: $name" >&2
    exit 2
    ;;
esac

target=$(rustc -vV | sed -n 's/^host: //p')
mkdir -p "corpus/$name" "artifacts/$name"
# With a target, the flags are not for build scripts and macros.
RUSTFLAGS=${COVERAGE//$'\n'/ } cargo build --quiet --release --target "$target" --bin "$name" \
    --no-default-features --features "$name"
exec nice "${CARGO_TARGET_DIR:-target}/$target/release/$name" \
    -max_total_time="${2:-600}" -timeout=10 -rss_limit_mb=512 -print_final_stats=1 \
    -artifact_prefix="artifacts/$name/" "${options[@]}" "corpus/$name" "${seeds[@]}"
