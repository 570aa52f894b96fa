#!/usr/bin/env bash
# Fetches xterm.js from npm and compares it with the files that this repository has of it; with
# --update, writes them and their record anew (the version is the one below).
set -euo pipefail
cd "$(dirname "$0")/.."

readonly PACKAGE=@xterm/xterm
readonly VERSION=6.0.0
readonly TO=crates/hub/page/vendor

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && npm pack --silent "$PACKAGE@$VERSION" >/dev/null && tar -xzf ./*.tgz)
integrity=$(cd "$work" && printf 'sha512-%s' "$(openssl dgst -sha512 -binary ./*.tgz | base64 -w0)")

take() {
    # Without the address of a map that is not here.
    sed '/^\/\/# sourceMappingURL=/d' "$work/package/$1" >"$work/$2"
}
take lib/xterm.js xterm.js
take css/xterm.css xterm.css
cp "$work/package/LICENSE" "$work/LICENSE"

if [[ ${1:-} == --update ]]; then
    mkdir -p "$TO"
    cp "$work"/{xterm.js,xterm.css,LICENSE} "$TO/"
    cat >"$TO/README.md" <<END
# xterm.js

Not ours: the files of the npm package \`$PACKAGE\` $VERSION, under the MIT licence (LICENSE), as the
package has them but for the line that names a source map. \`scripts/vendor.sh\` compares them with
the package, \`scripts/vendor.sh --update\` takes another version over.

| what | is |
|---|---|
| integrity of the package | \`$integrity\` |
| SHA-256 of xterm.js | \`$(sha256sum <"$TO/xterm.js" | cut -d' ' -f1)\` |
| SHA-256 of xterm.css | \`$(sha256sum <"$TO/xterm.css" | cut -d' ' -f1)\` |
END
    echo "vendor: $PACKAGE $VERSION is in $TO"
    exit
fi
grep -qF "$integrity" "$TO/README.md" || {
    echo "vendor: error: the package is not the one that $TO/README.md names" >&2
    exit 1
}
for file in xterm.js xterm.css LICENSE; do
    cmp "$work/$file" "$TO/$file"
done
echo "vendor: the files are those of $PACKAGE $VERSION"
