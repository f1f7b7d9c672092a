#!/usr/bin/env bash
# Whether anything that the tests print holds a value that they enrol, in any form, or a key.
#
#   canary.sh                     runs the tests of the workspace and reads what they print
#   canary.sh check LOG ENROLLED  reads what was printed in a run with EXFILTER_ENROLLED=ENROLLED
set -euo pipefail
cd "$(dirname "$0")/../.."

# The tests' build has made it; asked for alone, it would have the engine compiled once more, with fewer features.
check() {
    local built="${CARGO_TARGET_DIR:-target}/debug/examples/canary"
    if [ -x "$built" ]; then
        "$built" "$1" "$2"
    else
        cargo run --quiet -p exfilter-testing --example canary -- "$1" "$2"
    fi
}

if [ "${1:-}" = check ]; then
    check "$2" "$3"
    exit
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# Also what passing tests print, which the harness keeps to itself otherwise.
status=0
EXFILTER_ENROLLED="$folder/enrolled" cargo test --workspace --no-fail-fast -- --nocapture >"$folder/log" 2>&1 || status=$?
if [ "$status" -ne 0 ]; then
    grep -E '^test .* FAILED$|^test result: FAILED' "$folder/log" || true
    echo "the tests failed; what they printed is read all the same"
fi
check "$folder/log" "$folder/enrolled"
exit "$status"
