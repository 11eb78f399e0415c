"""The audit of a study that opens: whether anything that raters get, but for the pixels, tells generators apart.

It looks at what raters will get, not at what was meant: the files under the names that raters know them by, and the
places of the design as they were saved. `evaluation.design.blindness` says what is tested and how.
"""

from __future__ import annotations

import os
import re
import struct
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from common.words import counted
from drawbench.shown import IMAGE_HEADERS
from evaluation import protocols
from evaluation.design.blindness import (
    LEVEL,
    Showing,
    ShownFile,
    names_tell,
    order_tells,
    samples_tell,
    sides_tell,
    sizes_apart,
    unlike,
)
from evaluation.errors import InputError
from evaluation.models import Comparison, Place, StoredImage, Study, StudyImage, StudyRun
from evaluation.services.store.images import image_path
from evaluation.services.store.shown import shown_path
from evaluation.services.studies.prepare import Prepared
from evaluation.services.studies.specify import Display, consent_text

TELLING_HEADERS = frozenset({"etag", "last-modified", "date", "content-disposition", "server-timing", "x-sendfile"})
"""Headers that differ from image to image by how or when it was made."""

LOSSY = ("jpeg", "avif")
"""Formats of samples whose compression may be seen; WebP has both kinds."""

LOSSLESS_PARTS, LOSSY_PARTS = ("VP8L",), ("VP8",)
"""The parts of a WebP file that is nothing but pixels (RFC 9649)."""

CHECKED = (
    "addresses (length, characters, pieces in common, order; Kruskal-Wallis)",
    "headers (the same for every image, none that says when or from what it was made)",
    "files (one chunk of pixels, no metadata, the same dimensions, no transparency, the same time of change)",
    "sets (the same number of images in all sets of a trial; the images in no order of name or size; Kruskal-Wallis)",
    "sides (binomial, over all raters and for each)",
    "order of trials (Kruskal-Wallis, over all raters and for each)",
)


@dataclass(frozen=True, slots=True)
class Audit:
    """What a study that opens says of its blindness. `cautions`: what could not be avoided, in words."""

    cautions: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """As the specification has it."""
        return {
            "checked": list(CHECKED),
            "level": f"all tests together at {LEVEL:g} (Bonferroni)",
            "cautions": list(self.cautions),
        }


def blind_audit(study: Study, draft: Prepared) -> Audit:
    """Look at what raters of `study`, all but open, will get.

    Raises:
        InputError: something but the pixels tells the generators apart. The sentence says what.
    """
    sets = _sets(study, draft)
    aside = draft.settings.study_protocol.shown.reference == "guide"  # a photograph that is said to be one
    rated = [images for run, images in sets if not (aside and run.is_reference)]
    copies = _copies(study, draft)
    everything = [image for _, images in sets for image in images]
    originals = [image for each in rated for image in each]
    files = [
        *originals,
        *(image for run, image in copies if not (aside and run.is_reference)),
    ]
    places = _places(study, draft.study_runs)
    found = (
        _headers_tell(IMAGE_HEADERS)
        or _files_differ(everything, [image for _, image in copies], draft.display)
        or _sets_differ(study)
        or names_tell(files)
        or samples_tell(rated)
        or sides_tell(places)
        or order_tells(places)
    )
    if found is not None:
        raise InputError(
            f"The study {study} can't be opened, because raters could tell the generators apart by more than their "
            f"images: {found}. Open it again; if that is refused too, report it as a fault of the program."
        )
    return Audit(
        (*_made_alike(draft), *_compressed(draft), *_sizes(originals), *_blurred(study, draft), *_named(draft))
    )


def _sets(study: Study, draft: Prepared) -> list[tuple[StudyRun, list[ShownFile]]]:
    """Every set with its run, its images in the order shown."""
    run_of = {each.run_id: each for each in draft.study_runs}
    keys = dict(StudyImage.objects.filter(study=study, copy=0).values_list("sample", "key"))
    return [
        (run_of[run], [file_facts(run_of[run].label, keys[sample.pk]) for sample in samples])
        for (run, _), samples in draft.chosen.items()
    ]


def _copies(study: Study, draft: Prepared) -> list[tuple[StudyRun, ShownFile]]:
    """Every image under a further address, for control trials and repeats, with its run."""
    run_of = {each.run_id: each for each in draft.study_runs}
    rows = StudyImage.objects.filter(study=study, copy__gt=0).values_list("sample__run", "key")
    return [(run_of[run], file_facts(run_of[run].label, key)) for run, key in rows]


def file_facts(owner: str, key: str) -> ShownFile:
    """What the file that raters get under `key` says beside its pixels.

    Raises:
        InputError: it is not there.
    """
    path = shown_path(key)
    try:
        with path.open("rb") as file:
            facts = os.fstat(file.fileno())
            parts, (width, height, transparent), ends = _webp(file)
    except FileNotFoundError:
        raise InputError(f"The image {key} was not stored. Check the disk of {path.parent.parent}.") from None
    return ShownFile(
        owner=owner,
        name=path.stem,
        parts=parts,
        width=width,
        height=height,
        transparent=transparent,
        whole=ends == facts.st_size,
        n_bytes=facts.st_size,
        modified=facts.st_mtime_ns,
    )


def _webp(file: BinaryIO) -> tuple[tuple[str, ...], tuple[int, int, bool], int]:
    """The chunks of a WebP file (RFC 9649), what the one of pixels declares, and where the file says that it ends."""
    head = file.read(12)
    if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WEBP":
        return ("no WebP",), (0, 0, False), -1
    (length,) = struct.unpack_from("<I", head, 4)
    parts, declared = [], (0, 0, False)
    while len(chunk := file.read(8)) == 8:
        name, (size,) = chunk[:4], struct.unpack_from("<I", chunk, 4)
        parts.append(name.decode("latin-1").strip())
        start = file.tell()
        if name == b"VP8L" and len(bits := file.read(5)) == 5:
            (packed,) = struct.unpack_from("<I", bits, 1)
            declared = ((packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1, bool(packed >> 28 & 1))
        elif name == b"VP8 " and len(bits := file.read(10)) == 10:  # a key frame (RFC 6386, 9.1)
            width, height = struct.unpack_from("<HH", bits, 6)
            declared = (width & 0x3FFF, height & 0x3FFF, False)
        file.seek(start + size + size % 2)
    return tuple(parts), declared, length + 8


def _files_differ(originals: Sequence[ShownFile], copies: Sequence[ShownFile], display: Display) -> str | None:
    """In what files differ that must be alike, or all of them from what was meant.

    Images that are shown as this program stored them are lossy, and their copies for control trials are not: each of
    the two kinds must be alike.
    """
    kinds = [originals, copies] if _parts(originals) == LOSSY_PARTS else [[*originals, *copies]]
    for files in kinds:
        found = unlike(files) or _display_differs(files, display)
        if found is not None:
            return found
    return None


def _parts(files: Sequence[ShownFile]) -> tuple[str, ...]:
    return files[0].parts if files else ()


def _display_differs(files: Sequence[ShownFile], display: Display) -> str | None:
    """All files are alike, so one is as good as all."""
    first = files[0] if files else None
    if first is None:
        return None
    if first.parts in (LOSSLESS_PARTS, LOSSY_PARTS) and (first.width, first.height) == (display.width, display.height):
        return None
    return (
        f"images are {' '.join(first.parts)} of {first.width}×{first.height} pixels instead of one chunk of pixels of "
        f"{display.width}×{display.height}"
    )


def _headers_tell(headers: Mapping[str, str]) -> str | None:
    telling = sorted(name for name in headers if name.lower() in TELLING_HEADERS)
    return f"images are sent with the header {telling[0]}" if telling else None


def _sets_differ(study: Study) -> str | None:
    for sets in Comparison.objects.filter(study=study).values_list("sets", flat=True):
        if len({len(each) for each in sets}) > 1:
            return "a trial shows sets of different sizes"
    return None


def _places(study: Study, study_runs: Sequence[StudyRun]) -> list[list[Showing]]:
    """The trials of every place, without control trials, whose sets say nothing of generators."""
    labels = {each.pk: each.label for each in study_runs}
    members = {
        pk: [labels[each] for each in found]
        for pk, found in Comparison.objects.filter(study=study, control="").values_list("pk", "members")
    }
    return [
        [
            Showing(position, tuple(members[pk][at] for at in order))
            for position, (pk, order, _) in enumerate(showings)
            if pk in members
        ]
        for showings in Place.objects.filter(study=study).values_list("showings", flat=True)
    ]


def _samples(draft: Prepared) -> dict[str, list[StoredImage]]:
    """The images of each generator as they were made, by label."""
    found: dict[str, list[StoredImage]] = {each.label: [] for each in draft.compared}
    labels = {each.run_id: each.label for each in draft.compared}
    for (run, _), samples in draft.chosen.items():
        if run in labels:
            found[labels[run]] += [sample.image for sample in samples]
    return found


def _made_alike(draft: Prepared) -> Iterator[str]:
    """What making the images alike leaves to see, where generators' images were of different sizes."""
    sizes = {label: Counter((each.width, each.height) for each in images) for label, images in _samples(draft).items()}
    if len({frozenset(each) for each in sizes.values()}) > 1:
        shown = f"{draft.display.width}×{draft.display.height}"
        told = []
        for label, counts in sizes.items():
            (width, height), n = counts.most_common(1)[0]
            most = "" if n == counts.total() else ", most of them"
            told.append(f"{label} {width}×{height}{most} ({_fitted(width, height, draft.display)})")
        yield f"generators' images are of different sizes, which may be seen at {shown} pixels: {', '.join(told)}"


def _fitted(width: int, height: int, display: Display) -> str:
    scale = min(display.width / width, display.height / height)
    ways = ["enlarged"] if scale > 1 else ["made smaller"] if scale < 1 else []
    if (round(width * scale), round(height * scale)) != (display.width, display.height):
        ways.append("set on grey")
    return " and ".join(ways) or "as they are"


def _compressed(draft: Prepared) -> Iterator[str]:
    """Whose images came compressed with loss, where others' did not."""
    images = _samples(draft)
    lossy = {label: sum(map(_is_lossy, found)) for label, found in images.items()}
    if len({n / len(images[label]) for label, n in lossy.items()}) > 1:
        told = ", ".join(f"{label} {n:,} of {len(images[label]):,}" for label, n in lossy.items())
        yield f"some images came as JPEG or otherwise compressed with loss, which may be seen: {told}"


def _is_lossy(image: StoredImage) -> bool:
    if image.image_format != "webp":
        return image.image_format in LOSSY
    with image_path(image).open("rb") as file:
        return "VP8L" not in _webp(file)[0]


def _sizes(files: Sequence[ShownFile]) -> Iterator[str]:
    for owner, share in sizes_apart(files).items():
        larger, percent = ("larger", share) if share > 0.5 else ("smaller", 1 - share)
        yield (
            f"files of {owner} are {larger} than the others' in {percent * 100:.0f} % of pairs, which follows from "
            "their pixels, and which a rater's browser knows"
        )


def _blurred(study: Study, draft: Prepared) -> Iterator[str]:
    """Whose trials are blurred more often than others'. Within a trial all images are, or none."""
    labels = {each.pk: each.label for each in draft.compared}
    trials: Counter[str] = Counter()
    blurred: Counter[str] = Counter()
    shown = Comparison.objects.filter(study=study, control="")
    for members, covered in shown.values_list("members", "covered"):
        for member in members:
            if member in labels:
                trials[labels[member]] += 1
                blurred[labels[member]] += bool(covered)
    if len({blurred[label] / n for label, n in trials.items()}) > 1:
        told = ", ".join(f"{label} {blurred[label]:,} of {n:,}" for label, n in trials.items())
        yield f"some generators' trials are blurred at first more often than others': {told}"


def _named(draft: Prepared) -> Iterator[str]:
    """The researcher's own texts for raters that name a generator."""
    settings = draft.settings
    protocol = settings.study_protocol
    texts = {"the contact": settings.contact}
    if settings.consent != consent_text(settings.protocol):
        texts["the consent text"] = settings.consent
    if protocol.name not in protocols.names():
        texts["the instructions"] = protocol.instructions
        texts["a question"] = "\n".join(each.text for each in protocol.questions)
    names = {each.label: (each.label, each.run.name, each.run.generator) for each in draft.compared}
    for what, text in texts.items():
        told = [label for label, called in names.items() if any(_has_word(text, name) for name in called)]
        if told:
            yield f"{what} names {counted(len(told), 'generator')}: {', '.join(told)}"


def _has_word(text: str, name: str) -> bool:
    return bool(name) and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE) is not None
