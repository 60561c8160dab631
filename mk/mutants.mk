# SPDX-License-Identifier: MIT
# Bugs planted one after the other, to see that the tests would notice (tests/mutants/*.patch).

# MUTANTS=name... narrows it.
mutants:
	scripts/deps build check
	scripts/mutants $(MUTANTS)
.PHONY: mutants
