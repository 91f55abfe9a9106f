# The two commands of the README are `make run` and `make test`; CONTRIBUTING.md tells of the others.
PYTHON ?= python3
BIN := .venv/bin
PORT ?= 8000
LMS_PORT ?= 8001
JOBS ?= 2
export PORT LMS_PORT

.PHONY: run test quick check lint bench soak format wording permissions pictures browser-and-server clean

run: .venv/run
	@$(BIN)/python -m tests.practice_organisation

.venv/run: requirements/bootstrap.txt requirements/run.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Akashi needs Python 3.11 or newer; set PYTHON=…" if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing the pinned packages …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/run.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev: .venv/run requirements/dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@touch $@

# Debian's Chromium and PostgreSQL, where apt may install them; else the tests that need them say so and are skipped.
browser-and-server:
	@sh tests/install_browser_and_server.sh

test: .venv/dev browser-and-server
	$(BIN)/python -m pytest -n $(JOBS) $(PYTEST)

quick: .venv/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest -n $(JOBS) -q -m "not browser and not postgresql and not slow and not soak" $(PYTEST)

lint: .venv/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

check: lint browser-and-server
	AKASHI_TEST_ALL=1 $(MAKE) --no-print-directory test PYTEST="--cov --cov-branch --cov-report= $(PYTEST)"
	$(BIN)/coverage report --include='quizzes/*' --fail-under=95 --skip-covered
	$(BIN)/coverage report --include='courses/*' --fail-under=95 --skip-covered
	$(BIN)/coverage report --include='lms/*' --fail-under=85 --skip-covered

bench: .venv/dev browser-and-server
	$(BIN)/python -m benchmarks

soak: .venv/dev browser-and-server
	$(BIN)/python -m pytest -q -m soak

format: .venv/dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# After new sentences: brings them into the Japanese catalogue with an empty translation, which a test then asks for.
wording: .venv/dev
	@mkdir -p var
	$(BIN)/pybabel -q extract -F babel.cfg --add-location=file -o var/messages.pot .
	$(BIN)/pybabel -q update -l ja -i var/messages.pot -o lms/wording/ja.po --no-wrap --no-fuzzy-matching --ignore-obsolete
	sed -i -E -e '1{/^$$/d}' -e '$${/^$$/d}' -e '/^"(Project-Id-Version|Report-Msgid-Bugs-To|POT-Creation-Date|PO-Revision-Date|Last-Translator|Language-Team|Generated-By)/d' lms/wording/ja.po

# After a new right or role: writes docs/permissions.md anew, which a test holds to the table.
permissions: .venv/dev
	$(BIN)/python -m tests.policy.permissions_page

# After a change of the pages that docs/moodle.md shows.
pictures: .venv/dev browser-and-server
	$(BIN)/python -m tests.browser.pictures

clean:
	rm -rf .venv var
