# Everything a person or a machine needs to do here. Each target makes its own set-up; only Python 3.11 and
# make have to be present. A second call finds the stamp files and starts at once.
#
# Where the default package index has only CUDA builds of torch (gigabytes), use PyTorch's CPU wheels:
#   PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make demo

.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export FLWR_TELEMETRY_ENABLED := 0
export FLWR_DISABLE_UPDATE_CHECK := 1

.PHONY: help demo demo-clean test test-images lint format bench bench-crypto attack model fuzz mutate kill-matrix constraints

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.stamp-demo  ## a coordinator and five companies on this machine, with real data (ARGS=--yes: unattended)
	@sh deploy/local/debian-packages.sh bubblewrap
	@$(BIN)/python -m deploy.local $(ARGS)

demo-clean:  ## remove everything the demo wrote, and end what it left running
	@if [ -x $(BIN)/python ] && $(BIN)/python -c 'import rich' 2>/dev/null; then \
		$(BIN)/python -m deploy.local --clean; else rm -rf .altrove/demo; fi

test: $(VENV)/.stamp-dev  ## what CI does: ruff, mypy, import contracts, all tests (ARGS=unit: one group)
	@sh deploy/local/debian-packages.sh bubblewrap chromium postgresql
	@$(BIN)/python tests/groups.py $(ARGS)

test-images: $(VENV)/.stamp-dev  ## build the three container images and run a consortium in them (25 minutes at most)
	@sh deploy/local/debian-packages.sh podman buildah runc netavark aardvark-dns iptables mmdebstrap openssh-client
	@timeout --signal=INT --kill-after=60 1500 $(BIN)/python -m pytest -s -q -p no:cacheprovider --durations=5 -m images tests/images $(ARGS)

lint: $(VENV)/.stamp-dev  ## ruff, formatting, mypy and the import contracts
	@$(BIN)/python tests/groups.py style format types imports

format: $(VENV)/.stamp-dev  ## let ruff mend what it can
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

bench: $(VENV)/.stamp-dev  ## measure everything the documents quote, or parts of it (hours; ARGS=--list: parts and their times, --resume, --afresh)
	@$(BIN)/python tests/benchmarks/all.py $(ARGS)

bench-crypto: $(VENV)/.stamp-dev  ## what the secure sum costs beside Flower's SecAgg+ code (half an hour; ARGS="client masks")
	@$(BIN)/python -W ignore -m tests.benchmarks.crypto $(ARGS)

attack: $(VENV)/.stamp-dev  ## every attack on the pure machines and on a live node, with and without guards; writes the report
	@$(BIN)/python -W ignore -m tests.attacks $(ARGS)

model: $(VENV)/.stamp-dev  ## explore the symbolic model of the secure sum up to five members, and the attacks beyond (ARGS="--only 'n = 4'")
	@$(BIN)/python -m tests.model $(ARGS)

fuzz: $(VENV)/.stamp-dev  ## fuzz every decoder: a million inputs or ten minutes of CPU each (ARGS="--only release --seconds 60")
	@$(BIN)/python -m tests.fuzz $(ARGS)

mutate: $(VENV)/.stamp-dev  ## mutate a sample of protocols/ and see what no test notices (an hour; ARGS="--only policy")
	@$(BIN)/python -m tests.mutation $(ARGS)

kill-matrix: $(VENV)/.stamp-dev  ## kill, stop and disconnect every process in every phase (an hour; ARGS="--only 'serverapp/*'")
	@sh deploy/local/debian-packages.sh bubblewrap
	@$(BIN)/python -W ignore -m tests.matrix --write $(ARGS) && $(BIN)/python -m tests.matrix.table

constraints:  ## write down the versions that are installed now
	@{ sed -n '1,2p' constraints.txt; $(BIN)/python -m pip freeze --exclude-editable \
		| sed -E 's/[+][a-z0-9.]+$$//' | grep == ; } > constraints.new && mv constraints.new constraints.txt

$(BIN)/python:
	@sh deploy/local/virtual-environment.sh $(VENV)

# The stamps carry the checksum of what was installed, so that a fresh clone's file times do not matter.
$(VENV)/.stamp-demo: pyproject.toml constraints.txt | $(BIN)/python
	@sh deploy/local/install.sh $(VENV) demo demo,postgres

$(VENV)/.stamp-dev: pyproject.toml constraints.txt | $(BIN)/python
	@sh deploy/local/install.sh $(VENV) dev demo,postgres,dev
