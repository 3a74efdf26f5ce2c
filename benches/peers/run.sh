#!/usr/bin/env bash
# What an element costs here, in PyTorch, ONNX Runtime, JAX, burn and candle: one table, of one run.
#
# Installs the Python peers into a virtual environment (VENV, or target/peers/venv) if it is not there. All
# is done ROUNDS times in turn, and the shortest time counts: no peer is alone with a bad moment.
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=${VENV:-$PWD/target/peers/venv}
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT

if [ ! -x "$venv/bin/python" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --requirement benches/peers/requirements.txt
fi
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
rust=(cargo run --release --quiet --manifest-path benches/peers/rust/Cargo.toml --target-dir "$CARGO_TARGET_DIR/peers")
cargo bench --quiet --bench kernels --no-run
cargo bench --quiet --bench kernels --no-run --features parallel
cargo build "${rust[@]:2}"

# What has been freed is kept, by all of them: else the table compares how often the system is asked for
# fresh pages, which cost more than the arithmetic.
export MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=-1

for _ in $(seq "${ROUNDS:-2}"); do
  for threads in 1 2; do
    export RAYON_NUM_THREADS=$threads
    features=()
    [ "$threads" = 1 ] || features=(--features parallel)
    {
      cargo bench --quiet --bench kernels "${features[@]}" -- --lines
      "${rust[@]}"
      "$venv/bin/python" benches/peers/peers.py "$threads"
    } | sed "s/^/$threads /" >>"$lines"
  done
done
python3 benches/peers/table.py <"$lines"
