# Strata: the everyday commands. `make help` lists them.
SHELL := /bin/bash
SWIFT ?= swift
PREFIX ?= /usr/local
PROJECT ?= dags/retail
BUILD := $(SWIFT) build --explicit-target-dependency-import-check error
RELEASE := .build/release
STRATA := $(RELEASE)/strata
# OpenMP threads sleep while they wait for each other; spinning costs up to 20x on a busy machine.
export OMP_WAIT_POLICY ?= passive

# The demo shop of `make run`: deterministic, so its last day is known.
CUSTOMERS ?= 20000
DAYS ?= 400
SEED ?= 1
DATE ?= 2025-02-03

# Attempts of `make chaos`.
ATTEMPTS ?= 20000

.DEFAULT_GOAL := help
.PHONY: help deps build run test chaos test-long bench lint format db psql install uninstall clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deps: ## install what is missing: libpq, PostgreSQL, XGBoost, zlib, pkg-config
	@SWIFT="$(SWIFT)" .ci/deps

build: deps ## the release binaries, .build/release/strata and its helper strata-webhook
	@$(BUILD) -c release --product strata
	@$(BUILD) -c release --product strata-webhook

run: build ## a demo shop, then the nightly run on the embedded cluster, to a printed report
	@$(STRATA) demo generate --customers $(CUSTOMERS) --days $(DAYS) --seed $(SEED) --if-missing
	@$(STRATA) run nightly_segments --project $(PROJECT) --date $(DATE)

test: deps ## every test: unit, integration on a private PostgreSQL, end to end
	@.ci/test

chaos: deps ## a fleet under random faults, 20,000 attempts (ATTEMPTS=, SEED=)
	@SWIFT="$(SWIFT)" .ci/chaos --attempts $(ATTEMPTS) --seed $(SEED)

test-long: deps ## what takes minutes, or peers from PyPI (STEPS=name for some)
	@SWIFT="$(SWIFT)" .ci/test-long $(STEPS)

bench: deps ## ours against its peers, in one run (ONLY=suite for one, AIRFLOW=1 to measure Airflow)
	@.ci/bench $(ONLY) $(if $(AIRFLOW),--airflow)

lint: ## formatting and style, as errors
	@$(SWIFT) format lint --strict --recursive Package.swift Sources Tests dags sql

format: ## rewrite the sources in the project's format
	@$(SWIFT) format --in-place --recursive Package.swift Sources Tests dags sql

db: build ## start the embedded cluster and print its URL
	@$(STRATA) db start --project $(PROJECT)
	@$(STRATA) db url --project $(PROJECT)

psql: build ## a psql session in the project's database
	@$(STRATA) db psql --project $(PROJECT)

install: deps ## a self-contained release under PREFIX (binary, SQL, completions, manual)
	@SWIFT="$(SWIFT)" .ci/install "$(DESTDIR)$(PREFIX)"

uninstall: ## remove what `make install` put under PREFIX
	@rm -rf "$(DESTDIR)$(PREFIX)/libexec/strata" "$(DESTDIR)$(PREFIX)/bin/strata" \
	  "$(DESTDIR)$(PREFIX)/share/man/man1/strata"*.1 \
	  "$(DESTDIR)$(PREFIX)/share/bash-completion/completions/strata" \
	  "$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_strata" \
	  "$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/strata.fish"

clean: ## stop the embedded cluster and remove every build folder (data in .strata stays)
	@if [ -x $(STRATA) ]; then $(STRATA) db stop --quiet || true; fi
	@rm -rf .build .build-*
