PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
MARKS ?= interop or browser

.PHONY: run test hosts interop lint bench bench-load bench-admin bench-rest screenshots messages translations

run: .venv/service.stamp
	$(BIN)/python manage.py quickstart --port $(PORT)

test: .venv/test.stamp
	$(BIN)/python -m pytest -m "not interop and not browser" --cov --cov-report=term-missing

# The same in a host that is unlike `tests.settings`; what is of the service itself is left out.
hosts: .venv/test.stamp
	$(BIN)/python -m pytest -q -n 2 --ds=tests.hosts.unlike --ignore=tests/tokenservice --ignore=tests/benchmarks

# Needs Chromium, Node.js, nginx, Caddy and wrk, which `make test` does not.
interop: .venv/interop.stamp
	$(BIN)/python -m pytest -m "$(MARKS)" $(ARGS)

# Each screen of the admin, light, dark and narrow, in var/screenshots.
screenshots: .venv/interop.stamp
	SCREENSHOTS=var/screenshots $(BIN)/python -m pytest -m browser tests/browser -k "barrier or staff"

# After a change of texts, to be translated in entities/locale; these two need GNU gettext.
messages: .venv/service.stamp
	cd entities && ../$(BIN)/django-admin makemessages --all --no-location --no-obsolete --no-wrap
	cd entities && ../$(BIN)/django-admin compilemessages

# Fails where a text is not translated, or where what is compiled is not what is written.
translations: .venv/service.stamp
	rm -rf var/translations && mkdir -p var && cp -r entities var/translations
	cd var/translations && ../../$(BIN)/django-admin makemessages --all --no-location --no-wrap --keep-pot
	set -e; for language in entities/locale/*; do \
	    catalog=$${language#entities/}/LC_MESSAGES/django; \
	    msgfmt --check --output-file - entities/$$catalog.po | cmp - entities/$$catalog.mo; \
	    msgcmp var/translations/$$catalog.po var/translations/locale/django.pot; \
	done

# These need a PostgreSQL server, that of DATABASE_URL, and make databases of their own there.
bench: .venv/bench.stamp
	$(BIN)/python -m tests.benchmarks.peers $(ARGS)

# Needs wrk.
bench-load: .venv/bench.stamp
	$(BIN)/python -m tests.benchmarks.peers.load $(ARGS)

bench-admin: .venv/service.stamp
	$(BIN)/python -m tests.benchmarks.admin $(ARGS)

bench-rest: .venv/service.stamp
	$(BIN)/python -m tests.benchmarks.rest $(ARGS)

# No database and no key of an installation is touched: these look at the code only.
lint: export SECRET_KEY := lint-only
lint: export DATABASE_URL := sqlite://:memory:
lint: .venv/lint.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cd tests/typing && ../../$(BIN)/mypy --config-file= --cache-dir=../../.mypy_cache/host --explicit-package-bases --strict host.py
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py spectacular --validate --fail-on-warn --file /dev/null

.venv/bin/python:
	$(PYTHON) -m venv .venv

# Installed again only when pyproject.toml changes. Extras, for the pip that comes with Python 3.11
# knows no dependency groups.
.venv/service.stamp: EXTRAS = service
.venv/test.stamp: EXTRAS = service,test
.venv/interop.stamp: EXTRAS = service,test,interop,bench
.venv/bench.stamp: EXTRAS = service,bench
.venv/lint.stamp: EXTRAS = service,test,lint,interop
.venv/%.stamp: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[$(EXTRAS)]"
	touch $@
