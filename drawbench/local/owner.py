"""Whose instance it is: two users' files in one folder would lock each other out."""

import os
import pwd

from drawbench.local.errors import LocalError
from drawbench.local.places import Places


def refuse_another_user(places: Places) -> None:
    """Raises LocalError where somebody else has made the instance. Root is somebody else, too."""
    makers = {mark.stat().st_uid for mark in (places.lock, places.secret_key) if mark.exists()} - {os.geteuid()}
    if makers:
        maker = _name(makers.pop())
        raise LocalError(
            f"{places.var} was made by user {maker}, and you are {_name(os.geteuid())}. Run this as {maker} (without "
            f"sudo, or with sudo -u {maker}), or name a folder of your own: DRAWBENCH_VAR=~/drawbench ./dev serve"
        )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
