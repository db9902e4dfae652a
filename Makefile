# make demo   builds, and serves sample data on the embedded database
# make test   installs what the tests need where it can, then checks everything
# make fuzz   tries the document scan and the decoders on 100,000 cases each (CASES=… for others)
# make release   builds the binary for use, with its bill of materials (SBOM)
.PHONY: bench demo fuzz test requirements format lint documentation schema playground deny release

CARGO ?= cargo

demo:
	$(CARGO) run --locked --quiet -- demo

test: requirements format lint documentation deny
	$(CARGO) test --locked --workspace

# The longer run of what `make test` does shortly: nothing that is sent may end the process.
CASES ?= 100000
fuzz:
	PROPTEST_CASES=$(CASES) $(CARGO) test --locked --test it -- scan:: decode_anything:: json::

# PostgreSQL's server programs, Chromium and its driver, Node.js with npm, and curl: installed where
# apt-get may do so.
requirements:
	@missing=""; \
	command -v curl >/dev/null || missing="$$missing curl"; \
	command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 \
		|| missing="$$missing postgresql"; \
	command -v chromium >/dev/null || missing="$$missing chromium"; \
	command -v chromedriver >/dev/null || missing="$$missing chromium-driver"; \
	command -v node >/dev/null || missing="$$missing nodejs"; \
	command -v npm >/dev/null || missing="$$missing npm"; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	root=""; [ "$$(id -u)" = 0 ] || root="sudo -n"; \
	if command -v apt-get >/dev/null && $$root true 2>/dev/null; then \
		$$root apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive $$root apt-get install -y -qq --no-install-recommends $$missing; \
	else \
		echo "the tests need these (the names are Debian's packages):$$missing" >&2; exit 1; \
	fi

format:
	$(CARGO) fmt --all --check

lint:
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

documentation:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --quiet

# Licences, bans and sources of the dependencies, on every platform. Where cargo-deny is missing, the test
# `supply_chain` holds this machine's build to the same lists. Advisories need the advisory database, which
# `cargo deny check advisories` fetches; run that by hand where it can be reached.
deny:
	@if $(CARGO) deny --version >/dev/null 2>&1; then \
		$(CARGO) deny --locked check licenses bans sources; \
	else \
		echo "cargo-deny is missing; the tests check this platform (cargo install cargo-deny --locked)"; \
	fi

# Measures the release build under load (Debian: wrk); see tests/bench/load.rs for its settings.
bench:
	$(CARGO) bench --locked --bench load

# The binary, and beside it what it is built from, in CycloneDX's JSON.
release: deny
	@$(CARGO) cyclonedx --version >/dev/null 2>&1 || { \
		echo "a release lists what it is built from: cargo install cargo-cyclonedx --locked" >&2; exit 1; \
	}
	$(CARGO) build --locked --release
	$(CARGO) cyclonedx --quiet --describe binaries --format json --spec-version 1.5
	mv auditlog_bin.cdx.json target/release/auditlog.cdx.json
	@echo "target/release/auditlog, and its bill of materials: target/release/auditlog.cdx.json"

# Writes schema.graphql anew; a test fails when it differs from the code.
schema:
	$(CARGO) run --locked --quiet -- schema > schema.graphql.new && mv schema.graphql.new schema.graphql

# Builds the playground's bundle anew from its locked npm packages.
playground:
	cd src/http/playground && npm ci && npm run build
