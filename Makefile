# What a person types. Each target says what it does and how long that takes; `make` alone lists them.
# Minutes are of two cores: cold with empty caches (cargo's, Go's, ours), warm when something was built before.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

CARGO ?= cargo
# The servers that the suite needs; `make bench` adds its peer.
SERVERS := etcd kube-apiserver kubectl kube-controller-manager nats-server nats-server-clock
ROLES ?= collector,correlator,controller
CONFIG ?= target/cluster/opsward.yaml
# The controller's own service account, with its rights and no others.
RUN_KUBECONFIG ?= target/cluster/controller.kubeconfig

say = @printf '\n==> %s\n' "$(1)"

.PHONY: help demo test check bench fuzz crds cluster run build servers fmt fmt-check lint deny clean

help: ## list the targets
	@printf 'Opsward. Targets:\n\n'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\nFirst time on this machine? `make demo` builds everything (about 20 min) and shows it working.\n'

demo: servers build ## build, start real servers and all roles, send events, watch OpsEvents fill; KEEP=1 stays up
	$(call say,demo: about 20 s once built; the demo program itself builds first: 3 min cold)
	KEEP=$(KEEP) $(CARGO) run --profile fast -p rig --bin demo

test: servers build fmt-check lint deny ## everything that must hold, on real servers (about an hour cold on two cores, 28 min warm)
	$(call say,test: without servers: tests build in 4 min cold and run in one)
	$(CARGO) test --workspace --locked --exclude rig
	$(call say,test: on real servers: 24 min. One test at a time because each has servers of its own)
	RUST_TEST_THREADS=1 $(CARGO) test --locked -p rig

check: fmt-check lint ## format, lints and the tests that need no servers (5 min cold, 1 warm)
	$(call say,check: unit tests and the tests that read the tree: 2 min cold)
	$(CARGO) test --workspace --locked --lib --bins
	$(CARGO) test --locked -p rig --test arrows --test tree

bench: servers ## measure against Alertmanager in one run; results in target/bench/ (29 min, an idle machine)
	$(call say,bench: building the peer and the release profile: 10 min cold)
	@tests/servers/build alertmanager >/dev/null
	$(CARGO) build --profile release -p opsward
	OPSWARD_BIN=$(CURDIR)/target/release/opsward $(CARGO) run --profile release -p rig --bin bench

FUZZ_SECONDS ?= 300
FORMATS ?= webhook alertmanager grafana cloudevents eventbridge sns pagerduty github falco otlp generic

fuzz: ## fuzz every parser for FUZZ_SECONDS each (5 min each, an hour in all); FORMATS="otlp sns" for some; not part of test
	$(call say,fuzz: $(FORMATS) for $(FUZZ_SECONDS) s each; building takes 4 min cold)
	@$(CARGO) fuzz --version >/dev/null 2>&1 || $(CARGO) install cargo-fuzz --locked
	@for format in $(FORMATS); do \
	  mkdir -p tests/fuzz/corpus/$$format; \
	  printf '\n==> fuzz: %s\n' $$format; \
	  (cd tests && RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run --fuzz-dir fuzz --sanitizer none $$format \
	    fuzz/corpus/$$format ../operator/crates/formats/tests/samples/$$format -- \
	    -max_total_time=$(FUZZ_SECONDS) -max_len=16384 -timeout=5 -rss_limit_mb=1024 -verbosity=0 -print_final_stats=1); \
	done

crds: ## write crds/ from operator/crates/api
	$(call say,crds: writing crds/*.yaml)
	$(CARGO) run -p opsward -- crds --dir crds

cluster: servers build ## real servers in the foreground, for you and kubectl; Ctrl-C ends them
	$(call say,cluster: ready in about 5 s once built)
	$(CARGO) run --profile fast -p rig --bin cluster

run: build ## run the roles against `make cluster` (ROLES=…, CONFIG=…, RUN_KUBECONFIG=…)
	@test -f $(CONFIG) || { echo "$(CONFIG) is not there: start \`make cluster\` in another terminal first"; exit 1; }
	KUBECONFIG=$(RUN_KUBECONFIG) target/fast/opsward run $(ROLES) --config $(CONFIG)

build: ## build the binary that tests and the demo run: target/fast/opsward (8 min cold)
	$(call say,build: target/fast/opsward: 8 min cold; half a minute after a change)
	$(CARGO) build --profile fast -p opsward

servers: ## build etcd, Kubernetes and NATS from pinned modules, once, outside the tree (12 min cold)
	$(call say,servers: taken from the cache when they are there; 12 min cold)
	@tests/servers/build $(SERVERS) >/dev/null

fmt: ## format the sources
	$(CARGO) fmt --all

fmt-check:
	$(call say,fmt: rustfmt on the whole workspace)
	$(CARGO) fmt --all --check

lint: ## clippy, warnings are errors (3 min cold)
	$(call say,lint: clippy with all targets: 3 min cold)
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

deny: ## licences, advisories and unwanted crates, when cargo-deny is installed
	@if $(CARGO) deny --version >/dev/null 2>&1; then \
	  printf '\n==> deny: licences, bans, advisories\n'; $(CARGO) deny --all-features check; \
	else printf '\n==> deny: skipped, cargo-deny is not installed (cargo install --locked cargo-deny)\n'; fi

clean: ## remove target/; the servers' cache outside the tree stays
	$(CARGO) clean
