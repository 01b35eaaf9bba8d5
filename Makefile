# make install: programs, service and manual pages for you.   make run: build and serve this checkout on 127.0.0.1:8765.
# make test: everything CI checks.
SHELL := /bin/sh
BIN := node_modules/.bin
DEPS := node_modules/.package-lock.json
SUITE := test/conformance/node_modules/.package-lock.json
PREFIX ?= $(HOME)/.local

.PHONY: install uninstall run build check fmt test test-deps conformance bench clean

# Again after git pull: an upgrade is the same.
install:
	@PREFIX="$(PREFIX)" sh scripts/install.sh --service

# PURGE=1: also what was kept, but for the config.
uninstall:
	@PREFIX="$(PREFIX)" sh scripts/install.sh --uninstall $(if $(PURGE),--purge)

run: build
	@node dist/bin/ctmcpd.cjs --config configs/local.yaml

build: $(DEPS)
	@$(BIN)/tsc
	@node dist/scripts/compile-schemas.js
	@node dist/scripts/bundle.js
	@node dist/scripts/generate-man.js

check: build
	@$(BIN)/biome ci --error-on-warnings .
	@$(BIN)/knip

fmt: $(DEPS)
	@$(BIN)/biome check --write .

test: test-deps check conformance
	@node dist/test/run.js

test-deps:
	@sh scripts/install-test-deps.sh

conformance: build $(SUITE)
	@node dist/test/conformance/run.js

# For instance: make bench ARGS="--only ping --seconds 2"
bench: build
	@node dist/test/bench/main.js $(ARGS)

clean:
	@rm -rf dist

# Not npm ci: it refuses a lockfile that was written where packages for other platforms are not offered.
$(DEPS): package.json package-lock.json
	@npm install --no-save --no-audit --no-fund --loglevel=error
	@touch $@

# The suite asks for a newer Node than ours and brings one along, hence no warnings about engines.
$(SUITE): test/conformance/package.json test/conformance/package-lock.json
	@npm ci --prefix test/conformance --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
