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

.PHONY: build demo test test-servers tofu-test bench package fmt lint require require-tests libduckdb

# Release binaries terraform-provider-kontraktor, kontraktord and ktr in cargo's release folder.
build: require $(LIBDUCKDB)
	cargo build --release --locked $(FEATURES) -p terraform-provider-kontraktor -p kontraktord -p ktr

# Starts a daemon in a scratch directory, runs `terraform apply` on examples/quickstart, shows the result, stops.
demo: build
	acceptance/demo.sh $(RELEASE)

# Everything that must pass.
test: lint test-servers
	cargo build --locked $(FEATURES) --workspace --bins
	cargo test --locked $(FEATURES) --workspace --no-fail-fast

# What the tests talk to: a Vault server (minutes to build, once) and moto. Tests that are run by hand do this themselves.
test-servers: require-tests
	@acceptance/vault-server/build.sh >/dev/null
	@acceptance/python/install.sh >/dev/null

# The same acceptance tests with OpenTofu, which Go builds once. Not part of `test`.
tofu-test: require $(LIBDUCKDB)
	acceptance/tofu/run.sh $(FEATURES)

# Ratios against rivals timed in the same run. Needs go for the peer on HashiCorp's framework.
bench: build
	acceptance/bench/run.sh $(RELEASE)

# What a registry serves, in OUT: zip file, checksums, manifest, and a signature where GPG_KEY names a key.
OUT ?= dist
package: require
	packaging/package.sh $(OUT)

fmt:
	cargo fmt --all
	terraform fmt -recursive examples acceptance

lint: require-tests $(LIBDUCKDB)
	cargo fmt --all --check
	terraform fmt -check -recursive examples acceptance
	cargo clippy --locked $(FEATURES) --workspace --all-targets -- -D warnings
	.ci/deny

require:
	@.ci/require

require-tests:
	@.ci/require tests

libduckdb:
	@daemon/libduckdb/install.sh
