#!/usr/bin/env bash
# Checks rosters for pre-commit, with the `fleet` for rosters alone of this checkout; the first call
# builds it. Arguments are those of `fleet validate`.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
root=$here/target/validate-hook

if [[ ! -x $root/bin/fleet ]]; then
    command -v cargo >/dev/null || {
        echo 'validate-hook: error: Rust is missing: see https://rustup.rs' >&2
        exit 4
    }
    echo 'building fleet for rosters (once, takes a minute or two)' >&2
    # From here, since the checkout that is checked may pin a toolchain that is too old.
    (cd "$here" && cargo install --quiet --locked --no-track --root "$root" --path crates/cli \
        --no-default-features --features validate)
fi
exec "$root/bin/fleet" validate "$@"
