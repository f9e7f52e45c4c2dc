# `make demo` and `make test` are all that a newcomer needs; README.md says what they show.
# BUNDLED=1 compiles DuckDB from source and links it statically (20 minutes and more on 2 cores); it is chosen by itself
# where npm is missing, because libduckdb comes from an npm package.

SHELL := /bin/bash
export PATH := $(PATH):$(HOME)/.cargo/bin:$(HOME)/.cache/kontraktor/tools/bin
TARGET := $(or $(CARGO_TARGET_DIR),target)
RELEASE := $(TARGET)/release
# How long the tests of the daemon's crash safety and the like may print nothing is a matter of minutes: be patient.
BUNDLED ?= $(if $(shell command -v npm),,1)
FEATURES := $(if $(BUNDLED),--features kontraktord/bundled)
LIBDUCKDB := $(if $(BUNDLED),,libduckdb)

.PHONY: build demo test bench fmt lint require libduckdb

# Release binaries terraform-provider-kontraktor, kontraktord and ktr in cargo's release folder.
build: require $(LIBDUCKDB)
	cargo build --release --locked $(FEATURES) -p terraform-provider-kontraktor -p kontraktord -p ktr

# Starts a daemon in a scratch directory, runs `terraform apply` on examples/quickstart, shows the result, stops.
demo: build
	acceptance/demo.sh $(RELEASE)

# Everything that must pass.
test: lint
	cargo build --locked $(FEATURES) --workspace --bins
	cargo test --locked $(FEATURES) --workspace --no-fail-fast

# Ratios against rivals timed in the same run. Needs go for the peer on HashiCorp's framework.
bench: build
	acceptance/bench/run.sh $(RELEASE)

fmt:
	cargo fmt --all
	terraform fmt -recursive examples acceptance

lint: require $(LIBDUCKDB)
	cargo fmt --all --check
	terraform fmt -check -recursive examples acceptance
	cargo clippy --locked $(FEATURES) --workspace --all-targets -- -D warnings
	.ci/deny

require:
	@.ci/require

libduckdb:
	@daemon/libduckdb/install.sh
