"""A stretch of a list of images to the moments of their features, in constant memory; and stretches joined again.

    decoding processes -> prepared pixels -> batches -> network -> float64 moments, one set for each jackknife group

Batches are cut from the list of files, not from what could be decoded, and a stretch begins with a batch: every image
passes the network in the same company however the list was divided, so its features are the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.extractor import Extractor, Features
from evaluation.metrics.features.images import Decoded, Listing, Skipped, decode_images
from evaluation.metrics.features.moments import Moments, MomentsBuilder, merge
from evaluation.metrics.features.protocols import Protocol
from evaluation.metrics.features.stored import FeatureWriter

Progress = Callable[[int, int], None]
"""Called with files done and files in all."""

Row = NDArray[np.float32]

BATCH = 32
"""Images that pass the network together on a CPU. Part of the result's last bits, so fixed."""
GPU_BATCH = 128


@dataclass(frozen=True, eq=False)
class Part:
    """A stretch of the list, scored.

    `groups`: moments of the rows that are settled. `unsettled`: the last rows (file, group, features) where the
    protocol drops a rest of the whole list, which one part alone can't know. `seen`: SHA-256 of each file as it was
    decoded.
    """

    groups: tuple[Moments, ...]
    unsettled: tuple[tuple[str, int, Row], ...]
    skipped: tuple[Skipped, ...]
    converted: tuple[tuple[str, str], ...]
    seen: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Stretch:
    """The images `listing.files[start:stop]`; `start` begins a batch.

    `group_of`: the jackknife group of each file of the whole list, of `groups`. `batch`: images that pass the network
    together.
    """

    listing: Listing
    start: int
    stop: int
    group_of: Sequence[int]
    groups: int
    batch: int = BATCH

    def __post_init__(self) -> None:
        if self.start % self.batch:
            raise MetricError(f"A part begins with a batch of {self.batch}; file {self.start} does not.")

    @property
    def files(self) -> tuple[str, ...]:
        """Its files, in order."""
        return self.listing.files[self.start : self.stop]

    def group_of_each(self) -> dict[str, int]:
        """Its files with their groups."""
        return dict(zip(self.files, self.group_of[self.start : self.stop], strict=True))


def score_part(
    stretch: Stretch,
    extractor: Extractor,
    protocol: Protocol,
    *,
    workers: int,
    features: FeatureWriter | None = None,
    progress: Progress | None = None,
) -> Part:
    """Score a stretch.

    `features`: where each scored image's row goes too, in order. `progress` counts files of this stretch.
    """
    files, batch = stretch.files, stretch.batch
    collect = _Collector(extractor, protocol, stretch.group_of_each(), stretch.groups, features)
    skipped: list[Skipped] = []
    converted: list[tuple[str, str]] = []
    seen: dict[str, str] = {}
    company: list[Decoded] = []
    images = decode_images(
        stretch.listing.only(set(files)),
        protocol.recipe,
        extractor.info.input_size,
        workers=min(workers, len(files) or 1),
    )
    with closing(images):  # an error or Ctrl-C here ends the decoding processes there
        for done, image in enumerate(images, start=1):
            seen[image.file] = image.sha256
            if isinstance(image, Skipped):
                skipped.append(image)
            else:
                converted.extend((image.file, note) for note in image.notes)
                company.append(image)
            if company and (done % batch == 0 or done == len(files)):
                collect.take(company)
                company = []
            if progress is not None:
                progress(done, len(files))
    return Part(*collect.result(), tuple(skipped), tuple(converted), seen)


class _Collector:
    """Passes batches through the network, one ahead of the statistics, so that a GPU works while these are counted."""

    def __init__(
        self,
        extractor: Extractor,
        protocol: Protocol,
        group: Mapping[str, int],
        groups: int,
        features: FeatureWriter | None,
    ) -> None:
        self._extractor, self._protocol, self._group, self._features = extractor, protocol, group, features
        self._builders = [MomentsBuilder(extractor.info.features) for _ in range(groups)]
        self._held: list[tuple[str, int, Row]] = []
        self._under_way: tuple[list[str], Callable[[], Features]] | None = None

    def take(self, images: Sequence[Decoded]) -> None:
        begun = self._extractor.begin([image.pixels for image in images], self._protocol)
        self._finish()
        self._under_way = [image.file for image in images], begun

    def result(self) -> tuple[tuple[Moments, ...], tuple[tuple[str, int, Row], ...]]:
        self._finish()
        return tuple(builder.moments() for builder in self._builders), tuple(self._held)

    def _finish(self) -> None:
        if self._under_way is None:
            return
        files, fetch = self._under_way
        self._under_way = None
        rows = fetch()
        if self._features is not None:
            self._features.add(rows)
        self._held.extend((file, self._group[file], row) for file, row in zip(files, rows, strict=True))
        keep = 0 if self._protocol.drop_last is None else self._protocol.drop_last - 1
        settled = self._held[: len(self._held) - keep] if len(self._held) > keep else []
        if settled:
            _add(self._builders, settled)
            del self._held[: len(settled)]


def _add(builders: Sequence[MomentsBuilder], rows: Sequence[tuple[str, int, Row]]) -> None:
    for number, builder in enumerate(builders):
        mine = [row for _, group, row in rows if group == number]
        if mine:
            builder.add(np.stack(mine))


def join_parts(parts: Iterable[Part], protocol: Protocol) -> Part:
    """The parts of one list, in its order, as one: with what the protocol drops dropped, and nothing held.

    One part is held in memory at a time, beside their sum.
    """
    groups: list[Moments] = []
    held: list[tuple[str, int, Row]] = []
    skipped: list[Skipped] = []
    converted: list[tuple[str, str]] = []
    seen: dict[str, str] = {}
    for part in parts:
        groups = [merge(pair) for pair in zip(groups, part.groups, strict=True)] if groups else list(part.groups)
        held += part.unsettled
        skipped += part.skipped
        converted += part.converted
        seen |= part.seen
    if held and protocol.drop_last is not None:
        dropped = (sum(group.count for group in groups) + len(held)) % protocol.drop_last
        kept, rest = held[: len(held) - dropped], held[len(held) - dropped :]
        why = f"in the last part batch of {protocol.drop_last} images, which {protocol.name} drops"
        skipped += [Skipped(file, why, seen[file]) for file, _, _ in rest]
        builders = [MomentsBuilder(groups[0].features) for _ in groups]
        _add(builders, kept)
        groups = [merge((group, builder.moments())) for group, builder in zip(groups, builders, strict=True)]
    return Part(tuple(groups), (), tuple(skipped), tuple(converted), seen)


def part_record(part: Part) -> dict[str, object]:
    """What a part has besides moments, as JSON; `part_from` reads it."""
    return {
        "skipped": [asdict(skip) for skip in part.skipped],
        "converted": [list(pair) for pair in part.converted],
        "seen": dict(part.seen),
        "held": [[file, group, [float(x) for x in row]] for file, group, row in part.unsettled],
    }


def part_from(groups: Sequence[Moments], record: Mapping[str, Any]) -> Part:
    """The part that was written as `groups` and `part_record`.

    Raises:
        MetricError: the record is of something else.
    """
    try:
        return Part(
            tuple(groups),
            tuple(
                (str(file), int(group), np.array(row, dtype=np.float32)) for file, group, row in _list(record, "held")
            ),
            tuple(Skipped(**entry) for entry in _list(record, "skipped")),
            tuple((str(file), str(how)) for file, how in _list(record, "converted")),
            {str(file): str(sha) for file, sha in dict(record["seen"]).items()},
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MetricError(f"These are statistics of something else ({error!r}). Make them anew.") from None


def _list(record: Mapping[str, Any], key: str) -> list[Any]:
    value = record[key]
    if not isinstance(value, list):
        raise TypeError(key)
    return value
