# SPDX-License-Identifier: MIT
"""make torture: a stream of ticks through real servers while everything around it breaks.

schedule    what goes wrong and when: a function of the seed
world       the servers, the members of the group, the proxies between them, the stream
faults      how each kind is done and undone
watch       looks all the time: stored offsets, log ends, memory, deaths
recovery    how long it took after each fault
proof       what must hold at the end
report      what is printed, and the line kept of a run
table       docs/guarantees.md's table of those lines
"""
