#!/usr/bin/env bash
# Measures what docs/performance.md tells, each figure beside its floor, and prints the table.
#
#   scripts/bench.sh             all of it, about five minutes
#   scripts/bench.sh send keys   some: version, store, send, keys, idle, up, ps
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh demo
exec cargo bench --quiet --locked --package podfleet-tests --bench figures -- "$@"
