# Everything a person or CI does here. Settings come from the environment or from a file .env (see .env.example).
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
RUN := .venv/bin/python -m
LINES ?= 20

-include .env
export

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Install and build what is missing on this machine (the other targets do it by themselves)
	@$(PYTHON) -m compose.toolchain

.PHONY: demo
demo: setup ## Start everything and walk the way of a vote, from registration to the result
	@$(RUN) compose demo

.PHONY: up
up: setup ## Start everything and wait until it is ready
	@$(RUN) compose up

.PHONY: down
down: ## Stop the jobs with savepoints, then everything; all data stays
	@if [ -x .venv/bin/python ]; then $(RUN) compose down; fi

.PHONY: reset
reset: ## Stop everything and delete all data
	@if [ -x .venv/bin/python ]; then $(RUN) compose reset; fi

.PHONY: status
status: ## Show how every process and job is
	@$(RUN) compose status

.PHONY: logs
logs: ## Follow the logs; of one process with: make logs P=kafka; and end with: ARGS=--no-follow
	@$(RUN) compose logs --lines $(LINES) $(ARGS) $(P)

.PHONY: audit
audit: ## Compare the log, Redis and PostgreSQL, vote by vote
	@$(RUN) compose run proof audit

.PHONY: conservation
conservation: ## Show whether every vote in the log has exactly one verdict; every second with: make conservation ARGS=--watch
	@$(RUN) compose run proof conservation $(ARGS)

.PHONY: recount
recount: ## Count every vote again from the log and compare everything with that; more with: make recount ARGS=--help
	@$(RUN) compose run proof recount $(ARGS)

.PHONY: test
test: setup lint ## Run all tests against real parts, on ports and data of their own
	@$(RUN) pytest

.PHONY: bench-ingress
bench-ingress: setup ## Measure what a vote costs the ingress, beside what it is compared with (about five minutes)
	@$(RUN) tests.load.bench_ingress $(ARGS)

.PHONY: bench-jobs
bench-jobs: setup ## Measure what a vote costs the jobs, and its way to the result (ten minutes; more with ARGS=--alternatives)
	@$(RUN) tests.load.bench_jobs $(ARGS)

.PHONY: bench-recount
bench-recount: setup ## Measure what a recount takes, with 5 million votes (minutes; fewer: ARGS="--votes 1000000")
	@$(RUN) tests.load.bench_recount $(ARGS)

.PHONY: bench-state
bench-state: setup ## Measure what dedup remembers of a voter, with up to 20 million of them (half an hour; fewer: ARGS="--voters 1")
	@$(RUN) tests.load.bench_state $(ARGS)

.PHONY: bench-commitments
bench-commitments: setup ## Measure what the published commitments of an election cost (two minutes)
	@$(RUN) tests.load.bench_commitments $(ARGS)

.PHONY: jobs
jobs: ## What data engineers do, for example: make jobs ARGS="upgrade dedup"; without ARGS it tells what there is
	@$(RUN) compose run jobs $(or $(ARGS),--help)

.PHONY: sql
sql: ## Flink's SQL client, with a table for every topic of votes
	@$(RUN) compose run jobs sql

.PHONY: unit
unit: setup ## Run the unit tests only (seconds)
	@$(RUN) pytest tests/unit

.PHONY: faults
faults: setup ## Kill, pause and restart parts under load, and compare what every voter was told with what counts (minutes)
	@$(RUN) pytest tests/faults

.PHONY: lint
lint: setup ## Check style, formatting and types
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy

.PHONY: format
format: setup ## Format the code
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

.PHONY: lock
lock: ## Resolve the dependencies of pyproject.toml anew into requirements/*.lock
	@for name in installer dev; do \
	  .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
	    $$([ $$name = dev ] && echo pyproject.toml) --group pyproject.toml:$$name -o requirements/$$name.lock || exit 1; \
	done
