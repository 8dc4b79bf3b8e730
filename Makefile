# make run: set up and open the console; make test: set up and run every test. The rest: CONTRIBUTING.md.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.PHONY: install run test lint types contracts schemas wheel bench bench-packs bench-console bench-items bench-jobs bench-decisions bench-sandbox bench-agents soak chaos published-mcp published-conformance published-acp picture architecture keys events tools lock clean

$(STAMP): pyproject.toml requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $(STAMP)

lock:
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --output-file requirements.lock

install: $(STAMP)

run: $(STAMP)
	$(BIN)/vasini

# Five workers on any machine: half of the tests wait for processes and terminals, not for the processor.
# What Python has compiled is kept, else each of them and every process they start compiles all of it again.
test: export PYTHONDONTWRITEBYTECODE =
test: $(STAMP)
	$(BIN)/pytest -n 5 --dist worksteal

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

contracts: $(STAMP)
	$(BIN)/lint-imports

schemas: $(STAMP)
	$(BIN)/python -c 'from pathlib import Path; from engine.packs.editor_schemas import write_schemas; write_schemas(Path("packs/_schemas"))'
	$(BIN)/python docs/pack_tables.py
	$(BIN)/python docs/snapshot_schema.py

wheel: $(STAMP)
	bash .ci/wheel

bench: $(STAMP)
	bash benchmarks/run.sh

bench-packs: $(STAMP)
	$(BIN)/python -m benchmarks.packs.packs_bench compose
	$(BIN)/python -m benchmarks.packs.reload_bench save --packs 10
	$(BIN)/python -m benchmarks.packs.reload_bench save --packs 100
	$(BIN)/python -m benchmarks.packs.reload_bench visible --packs 10
	$(BIN)/python -m benchmarks.packs.reload_bench visible --packs 100
	$(BIN)/python -m benchmarks.packs.reload_bench checkout
	$(BIN)/python -m benchmarks.packs.reload_bench startup --n 10

bench-items: $(STAMP)
	$(BIN)/python -m benchmarks.runs.items_bench

bench-jobs: $(STAMP)
	$(BIN)/python -m benchmarks.packs.jobs_bench

bench-decisions: $(STAMP)
	$(BIN)/python -m benchmarks.runs.decision_bench

bench-sandbox: $(STAMP)
	$(BIN)/python -m benchmarks.runs.sandbox_bench

bench-agents: $(STAMP)
	$(BIN)/python -m benchmarks.agents.agents_bench
	$(BIN)/python -m benchmarks.agents.agents_at_once
	$(BIN)/python -m benchmarks.agents.agents_overhead

bench-console: $(STAMP)
	$(BIN)/python -m benchmarks.console.console_bench
	$(BIN)/python -m benchmarks.console.console_lists
	$(BIN)/python -m benchmarks.console.console_log
	$(BIN)/python -m benchmarks.console.console_timeline
	$(BIN)/python -m benchmarks.console.console_stream
	$(BIN)/python -m benchmarks.console.console_slo

# make chaos MINUTES=30 SEED=7
chaos: $(STAMP)
	$(BIN)/python -m tests.system.chaos.chaos --minutes $(or $(MINUTES),5) $(if $(SEED),--seed $(SEED))

# fetches MCP servers by npm and runs the flows of docs/examples/mcp against them
published-mcp: $(STAMP)
	$(BIN)/python -m tests.system.published.published_mcp

# plays the published conformance scenarios of MCP, which it fetches by npm, with our client and `vasini mcp`
published-conformance: $(STAMP)
	$(BIN)/python -m tests.system.published.published_conformance

# runs Gemini's command line (AGENT=path of its program) as an agent, with a scripted model
published-acp: $(STAMP)
	$(BIN)/python -m tests.system.published.published_agent $(AGENT)

soak: $(STAMP)
	$(BIN)/python -m benchmarks.console.soak

picture: $(STAMP)
	$(BIN)/python docs/picture.py

architecture: $(STAMP)
	$(BIN)/python docs/file_lists.py

keys: $(STAMP)
	$(BIN)/python docs/keys_page.py

tools: $(STAMP)
	$(BIN)/python docs/tools_page.py

events: $(STAMP)
	$(BIN)/python docs/events_page.py

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache
