# `make demo` and `make test` install what they need (scripts/setup); README.md says what they show.
# PROFILE=release optimizes as packages are, and takes three times the processor time. BUNDLED=1 compiles DuckDB from source and links
# it statically (20 minutes and more on 2 cores); it is the default where there is no pinned library.

SHELL := /bin/bash
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/kontraktor
export PATH := $(CACHE)/tools/bin:$(PATH):$(HOME)/.cargo/bin
PROFILE ?= dev
BIN := $(or $(CARGO_TARGET_DIR),target)/$(PROFILE:dev=debug)
export BUNDLED ?= $(if $(filter Linux-x86_64,$(shell uname -s)-$(shell uname -m)),,1)
FEATURES := $(if $(BUNDLED),--features kontraktord/bundled)
# What only builds for distribution have: sign-in to AWS by `aws sso login`.
PRODUCT := $(FEATURES) $(if $(filter release,$(PROFILE)),--features kontraktord/aws-sso)

.PHONY: build demo test test-servers tofu-test bench package fmt lint libduckdb

# The binaries terraform-provider-kontraktor, kontraktord and ktr, in target/debug or target/release.
build:
	@scripts/setup build
	cargo build --profile $(PROFILE) --locked $(PRODUCT) -p terraform-provider-kontraktor -p kontraktord -p ktr

# Starts a daemon in a scratch directory, runs `terraform apply` on examples/quickstart, shows the result, stops.
demo:
	@scripts/setup demo
	@$(MAKE) --no-print-directory build
	acceptance/demo.sh $(BIN)

# Everything that must pass, and how long each part took.
test:
	@scripts/check $(FEATURES)

# What `test` checks before the tests.
lint:
	@scripts/check --lint $(FEATURES)

# The servers and tools for the tests: Vault (minutes to build, once), moto, Azure's client, tfplugindocs, readers of dotenv
# files, an OpenID provider, grpcurl. Tests that need one install it themselves.
test-servers:
	@scripts/setup test
	@acceptance/vault-server/build.sh >/dev/null
	@acceptance/python/install.sh >/dev/null
	@acceptance/python/install.sh azure-requirements.txt >/dev/null
	@acceptance/registry-pages/build.sh >/dev/null
	@acceptance/python/install.sh dotenv-requirements.txt >/dev/null
	@acceptance/dotenv-readers/build.sh >/dev/null
	@acceptance/oidc-provider/install.sh >/dev/null
	@acceptance/grpcurl/build.sh >/dev/null
	@acceptance/python/install.sh rest-requirements.txt >/dev/null
	@acceptance/rest/install.sh >/dev/null

# The same acceptance tests with OpenTofu, which Go builds once. Not part of `test`.
tofu-test:
	@scripts/setup test
	acceptance/tofu/run.sh $(FEATURES)

# Ratios to rivals that are timed in the same run.
bench:
	@scripts/setup demo go
	@$(MAKE) --no-print-directory build PROFILE=release
	acceptance/bench/run.sh $(or $(CARGO_TARGET_DIR),target)/release

# What a registry serves, in OUT: zip file, checksums, manifest, and a signature where GPG_KEY names a key.
OUT ?= dist
package:
	@scripts/setup build
	packaging/package.sh $(OUT)

fmt:
	cargo fmt --all
	$$(scripts/terraform) fmt -recursive examples acceptance

libduckdb:
	@daemon/libduckdb/install.sh
