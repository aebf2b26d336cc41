# make demo       a working site with simulated cameras on http://127.0.0.1:8080 (SOURCE=rtsp://... or a file instead)
# make test       style, types, layers and tests
# make pictures  every page as a picture, for docs/pictures
# make learn      the learner's guide with its pictures and numbers (DATA=Fashion-MNIST RUNS=trainings TRANSFER=... CHECKPOINT=...)
# make translations  the catalogs, brought up to date with the words in the code
# make services   the system parts that some tests need (Debian packages)

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
SOURCE ?=
PORT ?= 8080

SERVICES := chromium python3-gi gir1.2-gstreamer-1.0 gir1.2-gst-plugins-base-1.0 gir1.2-gst-rtsp-server-1.0 \
	gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly gstreamer1.0-plugins-bad \
	gstreamer1.0-libav gstreamer1.0-tools gstreamer1.0-rtsp gstreamer1.0-x docker-compose mosquitto gcc libc6-dev

.PHONY: demo test check services style types layers unit pictures learn translations clean

demo: $(INSTALLED)
	@SURVEILLANCE__DATA_DIR="$${SURVEILLANCE__DATA_DIR:-.demo}" $(BIN)/python -m surveillance.demo --port $(PORT) $(if $(SOURCE),--source '$(SOURCE)')

test: style types layers unit

style: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/mypy

layers: $(INSTALLED)
	$(BIN)/lint-imports

unit: $(INSTALLED)
	$(BIN)/pytest

pictures: $(INSTALLED)
	$(BIN)/python docs/pictures/take.py

RUNS ?= runs

learn: $(INSTALLED)
	$(BIN)/python docs/learn/make.py --data '$(DATA)' --runs '$(RUNS)' $(if $(TRANSFER),--transfer '$(TRANSFER)' --checkpoint '$(CHECKPOINT)')

CATALOGS := surveillance/translations

translations: $(INSTALLED)
	@mkdir -p build
	$(BIN)/pybabel -q extract -F pyproject.toml -k _l -k lazy_gettext --no-location --omit-header --no-wrap -o build/messages.pot .
	$(BIN)/pybabel -q update -i build/messages.pot -d $(CATALOGS) --no-wrap --ignore-obsolete --no-fuzzy-matching --ignore-pot-creation-date
	$(BIN)/pybabel -q compile -d $(CATALOGS)

check:
	@$(PYTHON) docker/preflight.py

$(INSTALLED): pyproject.toml constraints.txt | check
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[demo,dev]'
	@touch $(INSTALLED)

services:
	@if [ "$$(id -u)" = 0 ]; then sudo=; else sudo=sudo; fi; \
	$$sudo apt-get -o DPkg::Lock::Timeout=300 update -q && \
	$$sudo apt-get -o DPkg::Lock::Timeout=300 install -y -q --no-install-recommends $(SERVICES)

clean:
	rm -rf .venv .demo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
