# Everything here sets up what it needs (Debian packages, cargo tools, Python packages, all by name) and says so.
.PHONY: demo test check bench fmt s3 help
.DEFAULT_GOAL := help
target := $(or $(CARGO_TARGET_DIR),target)

help: ## This list
	@grep -hE '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: ## The whole way once on real input: plan, backup, drill, status, review, evidence
	@scripts/need program
	@cargo build --locked --workspace --bin lifeboat
	@scripts/demo

test: ## All tests, with a real S3 server, a real mail server, stock age, zstd, ssh-keygen, python3
	@scripts/need program tests
	LIFEBOAT_PROGRAM=$(target)/debug/lifeboat cargo nextest run --locked --workspace --no-fail-fast

check: ## Format, clippy, rules of the house, dependencies and licences
	@scripts/need program checks
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo nextest run --locked --workspace -E 'test(/^house::/)'
	cargo deny --locked check licenses bans sources
	scripts/one-tls-stack

bench: ## Ratios against restic and rustic, and the check of 10,000 services; prints Markdown tables
	@scripts/need program bench
	cargo build --release --locked --package lifeboat-cli
	@scripts/bench
	@scripts/bench-plan

s3: ## A real S3 server on a free port of this machine, until ^C
	@scripts/need program tests
	@exec python3 tests/s3/server.py start

fmt: ## Put the source in order
	cargo fmt --all
