# SPDX-License-Identifier: MIT
# A stream of ticks through real servers while everything around it breaks (tests/torture/).
#
#   TORTURE_MINUTES     how long (10)
#   TORTURE_SEED        the same seed gives the same schedule; random, and printed, unless given
#   TORTURE_SET         tickd's options: "fk_check=batch writers=2"
#   TORTURE_RATE        messages a second (400)
#   TORTURE_BROKERS     1 or 3, instead of what the seed says
#   TORTURE_MEMBERS     1, 2 or 3, instead of what the seed says
#   TORTURE_LANES       only these sorts of faults: kill zombie group pg broker net poison
#   TORTURE_RECOVERY_S  the time to recover that must be kept (10); 0: only print it, as where the
#                       machine has other work; then half of the faults may be left undone, else a tenth
#   TORTURE_RECORD=1    appends the run to docs/torture-runs.jsonl and its table to docs/guarantees.md
#   TORTURE_MODE        the build to torture: release or asan

TORTURE_MODE       ?= release
TORTURE_RECOVERY_S ?= 10

torture:
	scripts/deps build check
	$(SUBMAKE) MODE=$(TORTURE_MODE) all
	$(SUBMAKE) MODE=crash build/crash/tickd
	TORTURE_RECOVERY_S=$(TORTURE_RECOVERY_S) TICKD_BIN=$(CURDIR)/build/$(TORTURE_MODE)/tickd scripts/torture
.PHONY: torture
