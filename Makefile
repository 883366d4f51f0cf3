# One door. `make demo` shows it working, `make test` checks it; every target does its own set-up in .venv, and
# everything written goes below var/. `make help` lists the rest.

PYTHON ?=
RUN := .venv/bin/python
export PYTHONUNBUFFERED := 1
# Where it is set, each of the many processes would compile all of the project anew: two thirds of a start.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup demo demo-change demo-cli leaks up down status pictures test test-real chaos soak check lint clean lock bench
.DEFAULT_GOAL := help

help:  ## this list
	@awk -F ':.*##  *' '/^[a-z-]*:.*## /{ printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/.installed  ## .venv from requirements.lock, this project editable in it

.venv/.installed: requirements.lock setup.cfg ops/setup.sh
	@PYTHON="$(PYTHON)" ops/setup.sh

demo: setup  ## everything up, one round of work from three systems to a phone and back; leaves it running
	@$(RUN) -m ops.demo

demo-change: setup  ## the three systems change a little; exactly that is delivered
	@$(RUN) -m ops.demo_change

leaks: setup  ## search all that the demo wrote and its pages show for its secrets and its citizens
	@$(RUN) -m ops.leaks

demo-cli: setup  ## the demo's round by the command line, without Airflow: it must bring the same
	@$(RUN) -m ops.by_hand

up: setup  ## start all services; prints addresses and log-ins
	@$(RUN) -m ops.services up

down:  ## stop what `make up` started
	@if [ -x $(RUN) ]; then $(RUN) -m ops.services down; else echo "down: nothing was ever set up"; fi

status: setup  ## which services are up
	@$(RUN) -m ops.services status

pictures: setup  ## photograph the phone page, Airflow and the board into var/demo/
	@$(RUN) -m ops.pictures

test: setup  ## the tests, on SQLite, PostgreSQL and MySQL (MariaDB)
	@$(RUN) -m pytest -m "not real and not chaos" -n logical --maxprocesses 8 --dist loadfile --no-loadscope-reorder

test-real: setup  ## the tests against real systems: WordPress, Request Tracker, Axis … (installs them when root)
	@$(RUN) -m pytest -m real

chaos: setup  ## kill -9 at random while answers are lost, events doubled and clocks moved; then nobody was told twice
	@$(RUN) -m pytest -m chaos

soak: setup  ## the same for hours: make soak KILLS=5000
	@WEIGOV_CHAOS_KILLS=$(or $(KILLS),2000) $(RUN) -m pytest -m chaos

check: lint test  ## what CI checks of the code: format, lint, types, import contracts, tests

lint: setup  ## format, lint, types, import contracts, and whether schemas/ is what the models say
	@faults=0; \
	for each in "ruff check" "ruff format --check" mypy lint-imports; do \
	    case $$each in ruff*) what=.;; *) what=;; esac; \
	    .venv/bin/$$each $$what || { echo "lint: $$each found faults"; faults=1; }; \
	done; \
	.venv/bin/weigov schema --check schemas || faults=1; \
	exit $$faults

lock: setup  ## resolve requirements.in anew into requirements.lock, with hashes
	@{ echo '# Every package Weigov runs on, with hashes. Made by `make lock` from requirements.in; do not edit.'; \
	   .venv/bin/uv pip compile --quiet --universal --upgrade --python-version 3.11 --generate-hashes \
	       --no-header --no-annotate --no-emit-index-url --no-emit-find-links requirements.in; \
	 } > .venv/requirements.lock && mv .venv/requirements.lock requirements.lock

bench: setup  ## one benchmark: make bench NAME=...
	@test -n "$(NAME)" || { echo "bench: say which: make bench NAME=$$(ls bench/*.py 2>/dev/null | sed 's,bench/,,;s,\.py,,' | grep -v __ | tr '\n' '|')"; exit 1; }
	@$(RUN) -m bench.$(NAME)

clean: down  ## stop everything and forget all state (var/)
	@rm -rf var
