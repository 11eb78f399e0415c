"""Where the parts of a checkout lie: code, documentation, fixtures. Each address is built here and nowhere else.

What an instance keeps lies elsewhere (`drawbench.places`, `evaluation.services.store.places`); what ships with the
generators is in `generators.places`.
"""

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent

DOCUMENTATION = CHECKOUT / "docs"
PICTURES = DOCUMENTATION / "images"
"""Of README and documentation."""

SUITES = CHECKOUT / "fixtures" / "suites"
"""The suites that ship."""

SUITE = SUITES / "drawbench-cc0.csv"
DEMO_SUITE = SUITES / "drawbench-cc0-demo.csv"
"""The 200 prompts, and the few of the demonstration."""

TEMPLATES = CHECKOUT / "templates"

DEMONSTRATION = CHECKOUT / "fixtures" / "demo"
"""The runs of the demonstration that ship, a file each."""
