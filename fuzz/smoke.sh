#!/usr/bin/env bash
# Runs every target for some seconds (default 5) and fails on any crash. Inputs of earlier crashes, if there are any under
# regressions/<target>/, are replayed first.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:-5}
cargo +nightly fuzz build --release >/dev/null
for target in $(cargo +nightly fuzz list); do
    mkdir -p "corpus/$target"
    if [ -d "regressions/$target" ]; then
        for hex in "regressions/$target"/*.hex; do
            input=$(mktemp)
            xxd -r -p "$hex" >"$input"
            cargo +nightly fuzz run --release "$target" "$input" >/dev/null 2>&1 || { echo "$target: $hex fails again"; exit 1; }
            rm -f "$input"
        done
    fi
    log=$(mktemp)
    if ! cargo +nightly fuzz run --release "$target" -- -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=20 -max_len=4096 -print_final_stats=1 >"$log" 2>&1; then
        tail -n 40 "$log"
        echo "$target: failed"
        exit 1
    fi
    echo "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") executions"
    rm -f "$log"
done
