# longma: `make serve` builds and serves, `make test` builds and runs every check there is.
#
#   make serve                        the demo application on http://127.0.0.1:8000
#   make serve APP=module:callable    your own, found from the directory you are in (or DIR=path)
#   make serve ... BIND=ADDRESS OPTIONS="-w 4 --access-logfile -"
#   make build | test | bench | format | clean

ROOT := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
VENV := $(ROOT)/.venv
BIN := $(VENV)/bin

APP ?=
BIND ?= 127.0.0.1:8000
OPTIONS ?= $(if $(APP),,-w 2)
# `make -C longma serve` changes the directory before it reads this file; PWD still says where the user is.
DIR ?= $(if $(APP),$(if $(filter $(ROOT),$(CURDIR)),$(or $(PWD),$(ROOT)),$(CURDIR)),$(ROOT)/examples/demo)

SOURCES := $(shell find $(ROOT)/crates -type f \( -name '*.rs' -o -name 'Cargo.toml' -o -name 'build.rs' \)) \
	$(ROOT)/Cargo.toml $(wildcard $(ROOT)/Cargo.lock) $(ROOT)/pyproject.toml

.PHONY: serve build test bench format clean help
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# \{0,1\}//p;/^$$/q' $(ROOT)/Makefile

serve: build
	@cd "$(DIR)" && exec "$(BIN)/longma" -b "$(BIND)" $(OPTIONS) "$(or $(APP),demo:application)"

build: $(VENV)/.built

test: $(VENV)/.test-tools
	@$(ROOT)/tools/check

bench: build
	@$(ROOT)/bench/run

format: $(VENV)/.test-tools
	cd $(ROOT) && $(BIN)/ruff check --fix --select I --quiet . ; $(BIN)/ruff format . && cargo fmt --all

clean:
	rm -rf $(ROOT)/.venv $(ROOT)/target $(ROOT)/fuzz/target $(ROOT)/.mypy_cache $(ROOT)/.ruff_cache $(ROOT)/.pytest_cache
	find $(ROOT)/python $(ROOT)/tests -name '__pycache__' -prune -exec rm -rf {} +
	find $(ROOT)/python -name '*.so' -delete

$(VENV)/.created: $(ROOT)/tools/requirements-build.txt
	@$(ROOT)/tools/create-venv "$(VENV)"
	@touch $@

$(VENV)/.built: $(VENV)/.created $(SOURCES)
	@cd $(ROOT) && env -u CONDA_PREFIX VIRTUAL_ENV="$(VENV)" PATH="$(BIN):$$PATH" "$(BIN)/maturin" develop --release --quiet
	@touch $@

$(VENV)/.test-tools: $(VENV)/.created $(ROOT)/tools/requirements-test.txt
	@"$(BIN)/python" -m pip install --quiet --disable-pip-version-check -r $(ROOT)/tools/requirements-test.txt
	@touch $@
