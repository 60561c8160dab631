# SPDX-License-Identifier: MIT
"""What the integration tests stand on: servers, brokers, proxies and the daemon under test.

Everything started here is ended by its pid, is ended by the kernel if the test run itself is
killed, listens on loopback only, and keeps its files under one temporary directory per run.
"""
