#!/usr/bin/env bash
# The engine and its peers on the same work, in turns, a fresh process each. See docs/performance.md.
#   bash benchmarks/run.sh [--quick]
# PEERS_VENV names a virtual environment with benchmarks/peers/requirements.txt to use instead of our own.
set -euo pipefail
cd "$(dirname "$0")/.."

repeat=3 wide=1000 narrow=300 parked=500 many=5000 history=100000 suffix=""
case "${1:-}" in
  --quick) repeat=1 wide=300 narrow=100 parked=100 many=1000 history=20000 suffix="-quick" ;;
  "") ;;
  *) echo "usage: bash benchmarks/run.sh [--quick]" >&2; exit 2 ;;
esac

ours=.venv/bin/python
peers=${PEERS_VENV:-.bench/peers-venv}
if [[ ! -x $peers/bin/python ]]; then
  "$ours" -m venv "$peers"
  "$peers/bin/python" -m pip install --quiet --disable-pip-version-check -r benchmarks/peers/requirements.txt
fi

mkdir -p .bench benchmarks/results
BENCH_DIR=$(mktemp -d "$PWD/.bench/data-XXXXXX")
export BENCH_DIR
trap 'rm -rf "$BENCH_DIR"' EXIT
results=benchmarks/results/$(date +%F)$suffix.jsonl
"$ours" -c 'import json, os, platform, sqlite3
print(json.dumps({"cores": os.cpu_count(), "python": platform.python_version(), "sqlite": sqlite3.sqlite_version}))' > "$results"

vasini() { "$ours" -m benchmarks.runs.engine_bench "$@" | tee -a "$results"; }
langgraph() { "$peers/bin/python" -m benchmarks.peers.langgraph_bench "$@" | tee -a "$results"; }
dbos() { "$peers/bin/python" -m benchmarks.peers.dbos_bench "$@" | tee -a "$results"; }

for ((i = 0; i < repeat; i++)); do
  for subject in vasini langgraph dbos; do
    "$subject" w1 --n "$wide" --concurrency 50
  done
  for subject in vasini langgraph dbos; do
    "$subject" w1 --n "$narrow" --concurrency 1
  done
  for subject in vasini langgraph dbos; do
    "$subject" w2 --n "$parked"
  done
  for subject in vasini langgraph dbos; do
    "$subject" w3 --n "$parked"
  done
  for subject in vasini langgraph; do # DBOS needs minutes for this one
    "$subject" w2 --n "$many"
  done
done
"$ours" -m benchmarks.runs.growth_bench --runs "$history" --n "$wide" --repeat "$repeat" | tee -a "$results"

echo
"$ours" -m benchmarks.report "$results"
