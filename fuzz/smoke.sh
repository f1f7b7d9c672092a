#!/usr/bin/env bash
# smoke.sh [SECONDS]: replays the inputs under regressions/, then runs every target for some seconds (5 unless told). Prints a line per target
# and fails on the first crash, hang or input that takes more than 2 GiB. Needs a nightly toolchain. Runs of 30 seconds and more have the address
# sanitizer and all optimisations; shorter ones are built in a third of the time.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:-5}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || { echo "usage: smoke.sh [SECONDS]" >&2; exit 2; }

# Choices make structures that are much longer than they are; text and raw bytes are what they are.
declare -A max_len=([stream]=2048 [rule_import]=512)

# As cargo-fuzz sets them. Inputs are structured already; without the tracing of comparisons twice as many are tried.
flags="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters"
flags+=" -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-simplifycfg-branch-fold-threshold=0"
if ((seconds >= 30)); then
    flags+=" -Zsanitizer=address"
    seed=()
    profile=()
    kind=long
else
    # A few seconds try the same inputs each time; longer runs try others.
    seed=(-seed=1)
    profile=(--config profile.release.opt-level=1 --config profile.release.debug=false)
    kind=short
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

host=$(rustc +nightly -vV | sed -n 's/^host: //p')
target_dir=${CARGO_TARGET_DIR:-target}/$kind
RUSTFLAGS=$flags cargo +nightly build --release --target "$host" --target-dir "$target_dir" --bins "${profile[@]}" >"$work/log" 2>&1 ||
    { cat "$work/log"; exit 1; }
bin=$target_dir/$host/release
export ASAN_OPTIONS=detect_odr_violation=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}

# run TARGET ARGUMENTS: the log is in $work/TARGET.log.
run() {
    local target=$1
    shift
    "$bin/$target" -rss_limit_mb=2048 -timeout=20 -detect_leaks=0 "$@" >"$work/$target.log" 2>&1
}

# What a failed run said, without the addresses of its stack.
said() {
    grep -vE '^ +(#?[0-9]+:? |at /)' "$work/$1.log" | tail -n 40
}

# One target: old inputs, then new ones.
try() {
    local target=$1
    for armoured in "regressions/$target"/*.hex; do
        [[ -e $armoured ]] || continue
        "$bin/corpus" unarmour "$armoured" >"$work/$target.input"
        if ! run "$target" "$work/$target.input"; then
            said "$target"
            echo "$target: $armoured fails again"
            return 1
        fi
    done

    mkdir -p "corpus/$target" "artifacts/$target"
    "$bin/corpus" seed "$target" "corpus/$target"
    if ! run "$target" "corpus/$target" "${seed[@]}" -artifact_prefix="artifacts/$target/" -max_total_time="$seconds" \
        -max_len="${max_len[$target]:-4096}" -print_final_stats=1; then
        said "$target"
        echo "$target: failed; the input is under fuzz/artifacts/$target"
        return 1
    fi
    echo "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$target.log") executions"
}

# Two at a time: half of a short run is waiting for its clock.
at_once=2
running=0
for target in $(sed -n 's|^path = "fuzz_targets/\(.*\)\.rs"|\1|p' Cargo.toml); do
    if ((running == at_once)); then
        wait -n || exit 1
        running=$((running - 1))
    fi
    try "$target" &
    running=$((running + 1))
done
while ((running > 0)); do
    wait -n || exit 1
    running=$((running - 1))
done
