"""Embedded PostgreSQL and Valkey for one folder, without root and without a server to install.

For people: `python -m drawbench.local up | down | status`. For programs: `up`, `down` and `held` of `services`.
Start reading at `services.py`. The settings ask `places` where the sockets are, so nothing but
`prepare.py` imports Django.
"""
