#!/usr/bin/env bash
# Has schemathesis try the hub's surface: what its description allows, and what it does not. Nothing
# may fail within the hub (5xx), and every answer has to be one that is described.
#
# The hub is one of its own, in directories of its own, and ends with this script.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh api

# How many requests of each kind are made up; more find more.
readonly EXAMPLES=${API_EXAMPLES:-30}

# As the demo has it built.
cargo build --quiet --locked --package podfleet-cli
fleet=$(realpath "${CARGO_TARGET_DIR:-target}/debug/fleet")

home=$(mktemp -d)
pid=
finish() {
    # Terminals outlive their hub.
    if [[ -n $pid ]]; then
        "$fleet" pty list 2>/dev/null | sed 1d | while read -r name _; do
            "$fleet" pty kill "$name" >/dev/null 2>&1 || true
        done
    fi
    [[ -z $pid ]] || kill "$pid" 2>/dev/null || true
    [[ -z $pid ]] || wait "$pid" 2>/dev/null || true
    rm -rf "$home"
}
trap finish EXIT
mkdir "$home/files" "$home/run"
chmod 700 "$home/run"
echo content >"$home/files/file"
# Nothing of whoever runs this.
export HOME=$home FLEET_HOME=$home/config FLEET_STATE_DIR=$home/state FLEET_RUNTIME_DIR=$home/run
unset FLEET_ROSTER

: >"$home/log"
"$fleet" hub run --listen 127.0.0.1:0 --allow "$home/files" >"$home/log" 2>&1 &
pid=$!
for _ in {1..100}; do
    address=$(sed -n 's/^and at \([^ ]*\) .*/\1/p' "$home/log")
    [[ -z $address ]] || break
    sleep 0.1
done
[[ -n $address ]] || {
    cat "$home/log" >&2
    exit 1
}
"$fleet" mount add --name m "$home/files" >/dev/null
FLEET_API_TOKEN=$("$fleet" hub token create api --scope admin)
export FLEET_API_TOKEN
cat >"$home/schemathesis.toml" <<'END'
[auth.openapi.token]
bearer = "${FLEET_API_TOKEN}"

[parameters]
"path.mount" = "m"
END

# A mount that is made up is none; those of two operations are the one that is there.
.tools/api/bin/python - "$home/openapi.json" <<'END'
import json, sys
document = json.load(open("schemas/hub.openapi.json"))
schemas = document["components"]["schemas"]
for fields in [schemas["Place"]["oneOf"][0]["properties"], schemas["PtySpawnParams"]["properties"]]:
    fields["mount"] = {"const": "m"}
json.dump(document, open(sys.argv[1], "w"))
END

# It keeps a cache where it is started.
root=$PWD
cd "$home"
"$root/.tools/api/bin/st" --config-file schemathesis.toml run openapi.json \
    --url "http://$address" --max-examples "$EXAMPLES" --workers 1 \
    --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance
# It still serves.
kill -0 "$pid"
"$fleet" hub status >/dev/null
