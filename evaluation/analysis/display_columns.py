"""Columns of files that say how the images stood on a rater's screen: ``shown_width`` and ``shown_device_width``, in
pixels of the page and of the device, and ``theme``, how light the page around them was.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from common.words import nearest
from evaluation.analysis.columns import Checker, listed, numbers_column

WIDTHS = ("shown_width", "shown_device_width")
THEME = "theme"
DISPLAY = (*WIDTHS, THEME)
THEMES = ("light", "grey", "dark")


def display_columns(frame: pd.DataFrame, check: Checker) -> dict[str, pd.Series]:
    """Those of ``DISPLAY`` that ``frame`` has, checked: widths as floats, NaN where unknown; ``theme`` as text, empty
    where unknown.
    """
    columns = {name: numbers_column(frame[name], check, lowest=1.0) for name in WIDTHS if name in frame}
    if THEME in frame:
        themes = frame[THEME].astype(object).where(frame[THEME].notna(), "").astype(str).str.strip()
        unknown = np.flatnonzero(~themes.isin([*THEMES, ""]).to_numpy())
        if len(unknown):
            given = str(themes.iloc[unknown[0]])
            hint = nearest(given, THEMES) or "."
            check.fail(unknown, THEME, f"{given!r} is no theme{hint} Allowed are {listed(THEMES)} or an empty cell.")
        columns[THEME] = themes
    return columns
