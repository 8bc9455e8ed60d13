# make repro   the whole pipeline, then its result          make test    the tests
# make verify  the pipeline in a scratch clone, compared    make lint    style
# make bench-ata        speed and memory of ATA pooling          ARGS=--help for the options of any
# make bench-synthesis  the LLM client: rate, memory, what must not happen to it
# make bench-train      training and encoding beside sentence-transformers
# make bench-evaluation  encoding beside mteb, memory, intervals, export; ARGS="--mirror FOLDER" for real tasks
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
# The first interpreter of a supported version; `make PYTHON=/path/to/python3.12 setup` chooses another.
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))
PYTHON ?= $(shell for python in python3.11 python3.12 python3 python; do \
	$$python -c "$(SUPPORTED)" 2>/dev/null && { echo $$python; break; }; done)
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help setup repro test lint verify bench-ata bench-synthesis bench-train bench-evaluation clean

help:
	@sed -n 's/^# //p' Makefile | head -n 6

setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or 3.12 on PATH"; \
		echo "  next: install one, or run make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

repro: setup
	dvc repro
	@python -m stages.reporting.summary

# Each process of pytest takes about 1 GiB.
test: setup
	python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

lint: setup
	ruff check .
	ruff format --check .

# A clone without caches, so that every stage runs; its lock must equal the committed one, output by output.
# CACHE=FOLDER, absolute, is a DVC cache that gets what it makes: .dvc/cache spares a `dvc repro` here the same work.
verify: setup
	@scratch=$$(mktemp -d) && trap 'rm -rf "$$scratch"' EXIT && \
	git clone --quiet . "$$scratch/clone" && \
	( cd "$$scratch/clone" && cp dvc.lock "$$scratch/committed.lock" && \
	  $(if $(CACHE),dvc cache dir --local "$(CACHE)" &&) \
	  PYTHONPATH="$$scratch/clone:$$scratch/clone/kernels" MGH_LEDGER="$$scratch/ledger.sqlite" dvc repro --force && \
	  python -m stages.reporting.summary && \
	  python -m stages.reporting.verify "$$scratch/committed.lock" dvc.lock )

# Writes rows to reports/bench/ata_pooling.csv; wants a machine with nothing else to do.
bench-ata: setup
	python -m ata_bench $(ARGS)

# Writes rows to reports/bench/synthesis.csv; takes about twenty minutes of a machine with nothing else to do.
bench-synthesis: setup
	python -m stages.synthesis_bench.run $(ARGS)

# Writes rows to reports/bench/training.csv; takes about a quarter of an hour of a machine with nothing else to do.
bench-train: setup
	python -m stages.training_bench.run $(ARGS)

# Writes rows to reports/bench/evaluation.csv; some of its bars need a folder of real tasks: ARGS="--mirror FOLDER".
bench-evaluation: setup
	python -m stages.evaluation_bench.run $(ARGS)

clean:
	rm -rf $(VENV) data reports/timings .pytest_cache .ruff_cache
