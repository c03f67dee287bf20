# Law: every command that the README names is here, needs only python3 and make, and says what it runs.
PYTHON ?= python3
PY := .venv/bin/python

.PHONY: demo test test-long lint types contract bench bench-access bench-detection bench-fetch bench-outages bench-ranking docs lock clean

demo: ## the whole river on a synthetic archive; leaves demo/report.html and demo/access.html
	@$(PYTHON) bootstrap.py core
	$(PY) -m clampdown demo --out demo

lint: ## style, types and the import contract
	@$(PYTHON) bootstrap.py dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m pyright
	.venv/bin/lint-imports --no-logo

test: ## everything: style, types, import contract (tests/house) and all tests
	@$(PYTHON) bootstrap.py dev --system
	$(PY) -m pytest -m "not long" -n auto --dist worksteal --durations=15

test-long: ## what takes minutes: kill at every step, large archives
	@$(PYTHON) bootstrap.py dev --system
	$(PY) -m pytest -n auto --dist worksteal --durations=15

bench: ## MB/s, measurements/s and peak memory beside the floor
	@$(PYTHON) bootstrap.py dev
	$(PY) bench/run.py

bench-access: ## what is said of ways through beside what dashboards do, over seeded worlds with truth (some minutes)
	@$(PYTHON) bootstrap.py dev
	$(PY) bench/access.py

bench-detection: ## recall, dates, false events and speed of detection over seeded worlds (about a quarter of an hour)
	@$(PYTHON) bootstrap.py dev
	$(PY) bench/detection.py

bench-fetch: ## our download beside curl --parallel on the same objects, and its memory
	@$(PYTHON) bootstrap.py dev
	$(PY) bench/fetch.py

bench-outages: ## outages: rules of others beside ours, recall and false events over seeded worlds, speed (about an hour)
	@$(PYTHON) bootstrap.py dev
	$(PY) bench/outages.py

bench-ranking: ## ranks beside raw shares and majorities over worlds with known truth, speed (about half an hour)
	@$(PYTHON) bootstrap.py dev
	$(PY) bench/ranking.py
	$(PY) bench/ranking.py --speed

docs: ## write again what is generated: CLI reference, rule pages, tables, mechanisms
	@$(PYTHON) bootstrap.py dev
	$(PY) docs/generate.py

lock: ## resolve the locks again (needs uv on the path)
	$(PYTHON) requirements/lock.py

clean: ## remove what these commands made; never a store
	rm -rf src/*.egg-info __pycache__ .venv .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist demo bench-out
	find src tests docs -name __pycache__ -type d -prune -exec rm -rf {} +
