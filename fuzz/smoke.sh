#!/usr/bin/env bash
# smoke.sh [SECONDS]: replays the inputs under regressions/, then runs every target for some seconds (5 unless told). Prints a line per target
# and fails on the first crash, hang or input that takes more than 2 GiB. Needs a nightly toolchain and cargo-fuzz.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:-5}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || { echo "usage: smoke.sh [SECONDS]" >&2; exit 2; }

# Choices make structures that are much longer than they are; text and raw bytes are what they are.
declare -A max_len=([stream]=2048 [rule_import]=512)

# A few seconds try the same inputs each time; longer runs try others.
seed=()
((seconds >= 30)) || seed=(-seed=1)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Inputs are structured already; without the tracing of comparisons twice as many are tried.
cargo +nightly fuzz build --release --no-trace-compares >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
host=$(rustc +nightly -vV | sed -n 's/^host: //p')
bin=${CARGO_TARGET_DIR:-target}/$host/release
export ASAN_OPTIONS=detect_odr_violation=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}

# run TARGET ARGUMENTS: the log is in $work/log.
run() {
    local target=$1
    shift
    "$bin/$target" -rss_limit_mb=2048 -timeout=20 -detect_leaks=0 "$@" >"$work/log" 2>&1
}

# What a failed run said, without the addresses of its stack.
said() {
    grep -vE '^ +(#?[0-9]+:? |at /)' "$work/log" | tail -n 40
}

for target in $(cargo +nightly fuzz list); do
    for armoured in "regressions/$target"/*.hex; do
        [[ -e $armoured ]] || continue
        "$bin/corpus" unarmour "$armoured" >"$work/input"
        if ! run "$target" "$work/input"; then
            said
            echo "$target: $armoured fails again"
            exit 1
        fi
    done

    mkdir -p "corpus/$target" "artifacts/$target"
    "$bin/corpus" seed "$target" "corpus/$target"
    if ! run "$target" "corpus/$target" "${seed[@]}" -artifact_prefix="artifacts/$target/" -max_total_time="$seconds" \
        -max_len="${max_len[$target]:-4096}" -print_final_stats=1; then
        said
        echo "$target: failed; the input is under fuzz/artifacts/$target"
        exit 1
    fi
    echo "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log") executions"
done
