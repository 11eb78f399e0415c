"""`text-checks`: whether the words that a prompt wants written can be read in the image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from common.parameters import ParameterValue
from evaluation.metrics.features.decode import NotScoredError
from evaluation.metrics.prompts.read_image import read_image
from evaluation.metrics.prompts.text_match import fold, match_text, quoted
from evaluation.metrics.prompts.text_reader import TextReader, load_reader, reader_provenance
from evaluation.metrics.spec import SampleScore, ScoredImage
from evaluation.suites.scene import parse_scene
from evaluation.suites.types import JsonValue, SuiteError

ACCURACY, EXACT = "character accuracy", "exact"
FORMS = (ACCURACY, EXACT)


class TextChecks:
    """Reads each image and looks for the texts that its prompt wants."""

    def __init__(self, reader: TextReader, form: str, from_prompt: bool) -> None:
        self._reader, self._form, self._from_prompt = reader, form, from_prompt
        provenance = reader_provenance()
        self.label = f"text read, {form} (RapidOCR {provenance['rapidocr']}, PP-OCRv4)"
        self.provenance: Mapping[str, JsonValue] = {**provenance, "form": form, "from_prompt": from_prompt}

    def score(self, images: Sequence[ScoredImage]) -> list[SampleScore]:
        """One score an image, in order; none where the prompt wants no text."""
        return [self._one(image) for image in images]

    def _one(self, image: ScoredImage) -> SampleScore:
        try:
            wanted, source = wanted_texts(image, self._from_prompt)
        except SuiteError as error:
            return SampleScore(None, f"the prompt's scene can't be read: {error}")
        if not wanted:
            return SampleScore(None, "the prompt wants no text in the image")
        try:
            picture = read_image(image.path).image
        except NotScoredError as error:
            return SampleScore(None, str(error))
        lines = self._reader.read(picture)
        found = [match_text(text, [line.text for line in lines]) for text in wanted]
        values = [float(one.exact) if self._form == EXACT else one.accuracy for one in found]
        read = sum(len(fold(line.text)) for line in lines)
        detail: dict[str, JsonValue] = {
            "texts": [
                {"wanted": one.wanted, "accuracy": round(one.accuracy, 4), "exact": one.exact, "found": one.place}
                for one in found
            ],
            "wanted_from": source,
            "read": [
                {"text": line.text, "score": round(line.score, 4), "box": [round(side, 4) for side in line.box]}
                for line in lines[:40]
            ],
            "letters_beyond": max(0, read - sum(len(fold(one.place)) for one in found)),
        }
        return SampleScore(sum(values) / len(values), detail=detail)


def wanted_texts(image: ScoredImage, from_prompt: bool) -> tuple[tuple[str, ...], str]:
    """The texts to be read in the image, and who says so: the prompt's scene, else its own quotation marks if asked.

    Raises:
        SuiteError: the prompt's attributes claim to be a scene and are none.
    """
    scene = parse_scene(image.attributes)
    if scene is not None:
        return scene.text, "scene"
    return (quoted(image.prompt), "quotation marks in the prompt") if from_prompt else ((), "")


def load(parameters: Mapping[str, ParameterValue], *, device: str | None, weight_folders: Sequence[Path]) -> TextChecks:
    """The factory of `text-checks`; it runs on the CPU, whatever the device."""
    return TextChecks(load_reader(), str(parameters["form"]), bool(parameters["quoted"]))
