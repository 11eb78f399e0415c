"""Embedded PostgreSQL and Valkey for one folder, without root and without a server to install.

`python -m drawbench.local up | down | status` for people; `services.up`, `services.down` and `services.held` for programs.
Start reading at `services.py`. Nothing here imports Django: the settings ask `places` where the sockets are.
"""
