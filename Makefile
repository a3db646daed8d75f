PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help java demo study bench test test-emr check unit docker image up app down clean

help:  ## List the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.installed: setup.cfg pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; found $$($(PYTHON) --version). Name one: make PYTHON=python3.11 …"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "On Debian: apt-get install python3-venv"; exit 1; }
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

java:
	@sh sandbox/java.sh

demo: $(VENV)/.installed java  ## Run the whole path on this machine: broker, training, stream, alerts
	@$(BIN)/sparkify demo

study: $(VENV)/.installed java  ## Measure what is claimed: forecast beside an oracle, cost of training, DuckDB beside Spark
	@$(BIN)/sparkify study

bench: $(VENV)/.installed java  ## Time the stream beside a plain loop, Quix Streams and Flink on one topic
	@$(BIN)/python -m benchmarks

test: $(VENV)/.installed java  ## Run the whole test suite but test-emr
	$(BIN)/pytest -m 'not yarn' --numprocesses 2 --dist loadfile  # a file shares its broker and its session

test-emr: $(VENV)/.installed java  ## Train on a real YARN as EMR does, with the Spark of each release
	$(BIN)/pytest -m yarn

check: $(VENV)/.installed  ## Format, lint and types, in seconds
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

unit: $(VENV)/.installed  ## The tests that need neither a JVM nor a broker
	$(BIN)/pytest -m unit

docker:
	@$(PYTHON) deploy/ready.py

image: docker  ## Build the programs' image, sparkify-churn
	docker build --file deploy/Dockerfile --tag sparkify-churn .

up: docker  ## Start Kafka in Docker
	docker compose up --detach --wait kafka
	docker compose run --rm topics

app: docker  ## Start all in Docker: Kafka, a log and a model unless there are some, the stream, the replay
	docker compose --profile app up --detach --build

down:  ## Stop what runs in Docker and forget its data
	docker compose --profile app down --volumes

clean:  ## Remove what was built; caches of jars stay
	rm -rf build $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
