# make run: build and serve this checkout on 127.0.0.1:8765.   make test: everything CI checks.
SHELL := /bin/sh
BIN := node_modules/.bin
DEPS := node_modules/.package-lock.json

.PHONY: run build check fmt test conformance bench clean

run: build
	@node dist/cmd/ctmcpd/main.js --config configs/local.yaml

build: $(DEPS)
	@$(BIN)/tsc
	@node dist/scripts/compile-schemas.js

check: build
	@$(BIN)/biome ci --error-on-warnings .
	@$(BIN)/knip

fmt: $(DEPS)
	@$(BIN)/biome check --write .

test: check conformance
	@node dist/test/run.js

clean:
	@rm -rf dist

$(DEPS): package.json package-lock.json
	@npm ci --no-audit --no-fund
	@touch $@
