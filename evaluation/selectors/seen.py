"""How raters saw what they rated, as columns of exports: the displays, and the language of the pages."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from evaluation.analysis.groups import without_rare
from evaluation.models import Study
from evaluation.selectors.locked import locked_protocol

FIELDS = ("shown_width", "shown_device_width", "theme", "rater__language")
"""Of a rating, what `with_seen` takes."""


def with_seen(frame: pd.DataFrame, study: Study, seen: Sequence[Sequence[object]]) -> pd.DataFrame:
    """`frame` with `shown_width` and `shown_device_width` (Int64, pixels), `theme` and `rater_language`.

    The first three are there where any browser said how it showed the images, so that older ratings keep their file.
    The language is there where anybody read another than the protocol's own; of fewer than five raters it is left out,
    as everything that describes raters. `seen`: the `FIELDS` of each row.
    """
    width, device, theme, language = (pd.Series([row[at] for row in seen], dtype=object) for at in range(4))
    if width.notna().any() or device.notna().any() or theme.notna().any():
        frame["shown_width"], frame["shown_device_width"] = width.astype("Int64"), device.astype("Int64")
        frame["theme"] = theme.fillna("")
    own = locked_protocol(study).language
    if not language.isin([own, ""]).all():
        frame["rater_language"] = language
        frame = without_rare(frame, ["rater_language"])
    return frame
