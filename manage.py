#!/usr/bin/env python
"""Django's command line. What a person can mend is told in a sentence, with status 2; the rest keeps its traceback."""

import os
import sys

from common.commands import BAD_INPUT, INTERRUPTED, SUCCESS


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "drawbench.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        print(
            "Django is not installed in this Python. Run ./dev check once, then .venv/bin/python manage.py.",
            file=sys.stderr,
        )
        return BAD_INPUT
    from drawbench.failures import plain_message

    try:
        execute_from_command_line(sys.argv)
    except Exception as error:
        told = plain_message(error)
        if told is None:
            raise
        print(told, file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    return SUCCESS


if __name__ == "__main__":
    sys.exit(main())
