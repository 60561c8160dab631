# SPDX-License-Identifier: MIT
"""How fast tickd is, measured beside what bounds it (scripts/bench, `make bench`)."""
