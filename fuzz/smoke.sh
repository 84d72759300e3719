#!/usr/bin/env bash
# Build the fuzz targets on the stable toolchain, without cargo-fuzz, seed them with the corpus and run each for a
# fixed number of inputs. Anything but silence fails: a crash, a broken invariant, an input that takes seconds, memory that grows.
#
#   fuzz/smoke.sh [TARGET...]        FUZZ_RUNS=300000  FUZZ_TARGET_DIR=fuzz/target
set -euo pipefail
cd "$(dirname "$0")"

targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(head chunked connection proxy forwarded gateway)
target_dir=${FUZZ_TARGET_DIR:-$PWD/target}
export CARGO_TARGET_DIR=$target_dir

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cargo run --quiet --locked --features seed --bin seed -- "$work"

# What cargo-fuzz passes, less the sanitizers, which need a nightly toolchain: the protocol crate has no unsafe code.
coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters"
coverage="$coverage -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"
# An explicit target keeps the flags away from build scripts.
host=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS="--cfg fuzzing -Ccodegen-units=1 $coverage" cargo build --quiet --release --locked --target "$host"
bin=$target_dir/$host/release

failed=0
for target in "${targets[@]}"; do
    seeds=$(find "$work/$target" -type f | wc -l)
    log=$work/$target.log
    if "$bin/$target" -runs="${FUZZ_RUNS:-300000}" -seed=1 -max_len=600 -timeout=10 -rss_limit_mb=512 \
        -artifact_prefix="$target_dir/$target-" "$work/$target" >"$log" 2>&1; then
        echo "$target: $seeds seeds, $(grep -o 'Done .*' "$log")"
    else
        failed=1
        echo "$target: failed"
        tail -n 40 "$log"
    fi
done
exit $failed
