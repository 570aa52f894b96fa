# Everything that people and CI do with this repository. `make` alone lists it.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-full torture soak bench fmt schemas clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

setup: ## Install what tests and demo need and is missing (says what it does)
	@scripts/setup.sh tests

demo: ## Bring a fleet up, talk to it, kill its tmux server, end it (KEEP=1: leave it up)
	@scripts/setup.sh demo
	@KEEP="$(KEEP)" scripts/demo.sh

test: setup ## Format, lints, unused dependencies, tests, doctests, generated files
	@scripts/test.sh

test-full: setup ## What takes longer, and what needs big components
	@scripts/test-full.sh

torture: setup ## Kills and loads at full size, see docs/reliability.md; an hour or more
	@scripts/torture.sh

soak: setup ## Thirty agents for SOAK_SECONDS (1800) while anything may be killed
	@scripts/soak.sh

bench: ## Measure, side by side with the floor
	@scripts/bench.sh

fmt: ## Format the code
	@cargo fmt --all

schemas: ## Regenerate schemas/ and docs/findings.md from the code
	@UPDATE_SCHEMAS=1 cargo test --quiet --workspace -- schema catalogue

clean: ## Remove what was built and the tools in .tools
	@cargo clean
	@rm -rf .tools
