#!/usr/bin/env bash
# Looks at the objects between what was there before and what is pushed, or between the base and the head of a pull request.
set -euo pipefail

exfilter=${EXFILTER:-${GITHUB_ACTION_PATH:-.}/../../target/release/exfilter}
from=${BASE:-${BEFORE:-}}
to=${HEAD:-${GITHUB_SHA:-HEAD}}

# A checkout has one commit unless it is told otherwise, and history that is not there would not be looked at.
if [ "$(git rev-parse --is-shallow-repository)" = true ]; then
    git fetch --quiet --no-tags --unshallow origin
fi
there() { git cat-file -e "$1^{commit}" 2>/dev/null; }
there "$to" || git fetch --quiet --no-tags origin "$to"
case $from in
*[!0]*)
    if ! there "$from" && ! git fetch --quiet --no-tags origin "$from"; then
        echo "exfilter: what was there before is gone, so all of the history is looked at" >&2
        from=
    fi
    ;;
# Zeros, or nothing: a new branch.
*) from= ;;
esac

args=(scan --git . --fail-on "${FAIL_ON:-medium}")
[ -z "${BASELINE:-}" ] || args+=(--baseline "$BASELINE")
[ -z "${SARIF:-}" ] || args+=(--format sarif --output "$SARIF")
exec "$exfilter" "${args[@]}" -- "${from:+$from..}$to"
