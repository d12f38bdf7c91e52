# The commands of this repository. `make test` is what continuous integration runs.

.PHONY: help demo test lint deny bench services-up

help:
	@echo 'make demo        a small laboratory writes logs, and the page shows them (http://127.0.0.1:8001/)'
	@echo 'make test        install what the tests need, then lint, build and run every test'
	@echo 'make lint        formatting and lints only'
	@echo 'make services-up Kafka and MongoDB for work by hand, until Ctrl-C (LABTRAIL_BROKERS=3 LABTRAIL_MONGODS=3 for three of each)'
	@echo 'make deny        licences, advisories and duplicate versions (needs cargo-deny)'
	@echo 'make bench       speed and memory, beside bare loops (about 30 minutes)'

demo:
	cargo run --release -- demo

test: lint
	./scripts/install-test-tools.sh
	cargo build --workspace --all-targets
	cargo test --workspace

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings

services-up:
	./scripts/fetch-services.sh
	cargo run --package labtrail-tests --bin labtrail-test-services

deny:
	cargo deny check

bench:
	cargo build --release --workspace
	./target/release/labtrail-bench agent
	./target/release/labtrail-bench instruments
	./target/release/labtrail-bench idle
	./target/release/labtrail-bench up
	./target/release/labtrail-bench query
	./target/release/labtrail-bench kafka-agent
	./target/release/labtrail-bench kafka-latency
	./target/release/labtrail-bench kafka-collector
	./target/release/labtrail-bench madsci
	./target/release/labtrail-bench alerts
	cargo bench --package labtrail-collector --bench rules
