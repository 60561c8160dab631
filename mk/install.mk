# SPDX-License-Identifier: MIT
# make install: programs, manual, schema, units, examples. DESTDIR and PREFIX as usual; a configuration that is
# there already stays as it is.

PREFIX     ?= /usr/local
SYSCONFDIR ?= /etc
BINDIR     := $(PREFIX)/bin
DATADIR    := $(PREFIX)/share/tickd
UNITDIR    ?= $(PREFIX)/lib/systemd/system

$(BUILD)/tickd.service: systemd/tickd.service.in
	sed 's|@bindir@|$(BINDIR)|' $< >$@
$(BUILD)/tickd@.service: $(BUILD)/tickd.service systemd/instance.sed
	sed -f systemd/instance.sed $< >$@

# What PREFIX was when a unit was made is not known.
.PHONY: $(BUILD)/tickd.service $(BUILD)/tickd@.service

SQL_FILES := $(shell find sql -type f)
EXAMPLES  := $(wildcard conf/prometheus/* conf/grafana/*)

install: all $(BUILD)/tickd.service $(BUILD)/tickd@.service
	install -d $(addprefix $(DESTDIR),$(BINDIR) $(UNITDIR) $(PREFIX)/lib/sysusers.d $(PREFIX)/lib/tmpfiles.d \
	    $(PREFIX)/share/man/man1 $(PREFIX)/share/man/man5 $(PREFIX)/share/man/man8 $(SYSCONFDIR)/tickd)
	install -m 755 $(BUILD)/tickd $(BUILD)/tickreplay $(DESTDIR)$(BINDIR)
	install -m 644 $(BUILD)/tickd.service $(BUILD)/tickd@.service $(DESTDIR)$(UNITDIR)
	install -m 644 systemd/sysusers.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/tickd.conf
	install -m 644 systemd/tmpfiles.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/tickd.conf
	install -m 644 man/tickreplay.1 $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 man/tickd.conf.5 $(DESTDIR)$(PREFIX)/share/man/man5
	install -m 644 man/tickd.8 $(DESTDIR)$(PREFIX)/share/man/man8
	for f in $(SQL_FILES) $(EXAMPLES:conf/%=%); do \
	    from=$$f; [ -e "$$from" ] || from=conf/$$f; \
	    install -D -m 644 "$$from" "$(DESTDIR)$(DATADIR)/$$f" || exit 1; \
	done
	[ -e $(DESTDIR)$(SYSCONFDIR)/tickd/tickd.conf ] || \
	    install -m 640 conf/tickd.conf $(DESTDIR)$(SYSCONFDIR)/tickd/tickd.conf
.PHONY: install

# A Debian package of the tree as it is committed, in build/deb/.
deb:
	scripts/deps build package
	scripts/deb
.PHONY: deb

# Installs, upgrades and purges it in a bare Debian root.
deb-check: deb
	scripts/deps build package-check
	scripts/deb-check
.PHONY: deb-check

# Runs it under a systemd of its own, in a container of systemd-nspawn.
sandbox-check: deb
	scripts/deps build check package-check
	scripts/sandbox-check
.PHONY: sandbox-check

# Builds both images with buildah on a base of its own, and runs what is in them.
image-check:
	scripts/deps build check package-check
	$(SUBMAKE) MODE=release all
	scripts/image-check
.PHONY: image-check

# What compose.yaml reads from secrets/.
secrets:
	scripts/secrets
.PHONY: secrets
