"""The queues of work, by the device that it needs. A worker takes from all of them unless `-Q` names some."""

from __future__ import annotations

DEFAULT = "celery"
"""Everything that needs no accelerator: uploads, studies, reports, and handing out the rest."""

ACCELERATOR = "accelerator"
"""Drawing and scoring by networks: a worker of it has a GPU, or patience."""

CPU = "cpu"
"""Drawing that uses processors alone."""

NETWORK = "network"
"""Drawing that waits for other machines: many fit beside each other on one small machine."""

QUEUES = (DEFAULT, ACCELERATOR, CPU, NETWORK)
