"""Object detectors that a user brings, as transformers saves them.

Some have a fixed list of names (DETR, RT-DETR, YOLOS ...), others look for any words (OWL-ViT, OWLv2, Grounding DINO).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image

from common.vision_operators import torchvision_importable
from evaluation.metrics.brought import Brought, Wanted, load_network
from evaluation.metrics.prompts.detections import Detection, area
from evaluation.metrics.prompts.relations import Box, overlap
from evaluation.metrics.shapes import OTHER_SHAPES, SQUASHED, WHOLE
from evaluation.suites.types import JsonValue

if TYPE_CHECKING:
    import torch
    from torch import nn

FIXED = (
    "conditional_detr", "d_fine", "dab-detr", "deformable_detr", "detr", "lw_detr", "rf_detr", "rt_detr", "rt_detr_v2",
    "yolos",
)  # fmt: skip
ANY_WORDS = ("grounding-dino", "mm-grounding-dino", "owlv2", "owlvit")

DETECTOR = Wanted(
    "detector",
    (*FIXED, *ANY_WORDS),
    "the folder of google/owlv2-base-patch16-ensemble, which looks for any words, or of PekingU/rtdetr_r50vd, which "
    "knows COCO's 80 kinds",
)

SURE_ENOUGH = {True: 0.25, False: 0.5}
"""The usual threshold of detectors for any words, and of those with a fixed list."""

SAME_THING = 0.6
"""Two boxes of one name that share so much of what they cover together are one thing, found twice."""

SAME_NAMES: Mapping[str, str] = {
    "aeroplane": "airplane", "bike": "bicycle", "boy": "person", "child": "person", "doughnut": "donut",
    "girl": "person", "human": "person", "kitten": "cat", "man": "person", "mobile phone": "cell phone",
    "motorbike": "motorcycle", "phone": "cell phone", "plane": "airplane", "plant": "potted plant", "puppy": "dog",
    "sofa": "couch", "table": "dining table", "television": "tv", "telephone": "cell phone", "woman": "person",
}  # fmt: skip
"""Nouns that COCO's list has under another name; a person is as near as it comes to a man."""


@dataclass(frozen=True)
class Detector:
    """A loaded detector: a `scene_metric.Finder`. `threshold`: scores from here on count."""

    brought: Brought
    model: nn.Module
    processor: Any
    device: torch.device
    threshold: float

    @property
    def any_words(self) -> bool:
        """Whether it looks for whatever it is told."""
        return self.brought.model_type in ANY_WORDS

    @property
    def label(self) -> str:
        """ "detector rtdetr_r50vd, sha256 1a2b3c4d, as brought, scores from 0.5"."""
        return f"detector {self.brought.name}, as brought, scores from {self.threshold:g}"

    @property
    def provenance(self) -> Mapping[str, JsonValue]:
        """What the boxes depend on."""
        import torch
        import transformers

        return {
            **self.brought.provenance(),
            "threshold": self.threshold,
            "same_thing_overlap": SAME_THING,
            "processor": type(self.processor).__name__,
            OTHER_SHAPES: self._other_shapes,
            "device": self.device.type,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        }

    @property
    def _other_shapes(self) -> str:
        """A processor with a height and a width resizes to them; others keep the shape."""
        size = getattr(getattr(self.processor, "image_processor", self.processor), "size", None)
        sides = [
            size.get(name) if isinstance(size, Mapping) else getattr(size, name, None) for name in ("height", "width")
        ]
        return SQUASHED if all(sides) else WHOLE

    def name_of(self, noun: str) -> str | None:
        """The detector's own name for a noun, None where its list has none."""
        if self.any_words:
            return noun
        names = {label.lower() for label in self._labels().values()}
        return next((name for name in (noun, SAME_NAMES.get(noun, noun)) if name in names), None)

    def find(self, image: Image.Image, names: Sequence[str]) -> list[Detection]:
        """The things of these names, surest first, each once."""
        import torch

        from evaluation.metrics.devices import exact_float32

        asked: dict[str, Any] = {"text": [list(names)]} if self.any_words else {}
        if self._owl:  # its tokenizer may not say how many tokens the network was made for
            longest = int(self.brought.config.get("text_config", {}).get("max_position_embeddings", 16))
            asked |= {"padding": "max_length", "truncation": True, "max_length": longest}
        ready = self.processor(images=[image], return_tensors="pt", **asked).to(self.device)
        size = [(image.height, image.width)]
        with torch.inference_mode(), exact_float32():
            out = self.model(**ready)
        if not self.any_words:
            found = self.processor.post_process_object_detection(out, threshold=self.threshold, target_sizes=size)[0]
            words = [self._labels()[int(label)].lower() for label in found["labels"]]
        elif self._owl:
            found = self.processor.post_process_grounded_object_detection(
                out, threshold=self.threshold, target_sizes=size, text_labels=[list(names)]
            )[0]
            words = list(found["text_labels"])
        else:
            found = self.processor.post_process_grounded_object_detection(
                out, ready["input_ids"], threshold=self.threshold, text_threshold=self.threshold, target_sizes=size
            )[0]
            words = [_asked_for(str(phrase), names) for phrase in found["text_labels"]]
        things = [
            Detection(word, _fractions(box.tolist(), image), float(score))
            for word, box, score in zip(words, found["boxes"], found["scores"], strict=True)
            if word in names
        ]
        return each_once([one for one in things if area(one) > 0])

    @property
    def _owl(self) -> bool:
        return self.brought.model_type.startswith("owl")

    def _labels(self) -> Mapping[int, str]:
        return {int(place): str(name) for place, name in self.brought.config.get("id2label", {}).items()}


def load_detector(brought: Brought, *, threshold: float = 0.0, device: str | None = None) -> Detector:
    """The detector in a folder. `threshold`: 0 for the usual one of its kind.

    Raises:
        MetricError: its files are not whole, or need a package that is not here.
    """
    torchvision_importable()
    from transformers import (
        AutoImageProcessor,
        AutoModelForObjectDetection,
        AutoModelForZeroShotObjectDetection,
        AutoProcessor,
    )

    from evaluation.metrics.devices import pick_device

    where = pick_device(device)
    any_words = brought.model_type in ANY_WORDS
    model_class = AutoModelForZeroShotObjectDetection if any_words else AutoModelForObjectDetection
    processor_class = AutoProcessor if any_words else AutoImageProcessor
    # By Pillow, so that boxes do not depend on whether torchvision is installed.
    model, processor = load_network(brought, model_class, processor_class, backend="pil")
    return Detector(brought, model.to(where), processor, where, threshold or SURE_ENOUGH[any_words])


def each_once(detections: Sequence[Detection]) -> list[Detection]:
    """`detections`, surest first, without those that cover what a surer one of their name does."""
    kept: list[Detection] = []
    for one in sorted(detections, key=lambda one: -one.score):
        if all(other.name != one.name or _alike(one.box, other.box) < SAME_THING for other in kept):
            kept.append(one)
    return kept


def _alike(one: Box, other: Box) -> float:
    """Shared area of two boxes in parts of what they cover together."""
    shared = overlap(one, other)
    covered = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)) - shared
    return shared / covered if covered > 0 else 0.0


def _fractions(box: Sequence[float], image: Image.Image) -> Box:
    left, right = (min(max(side / image.width, 0.0), 1.0) for side in (box[0], box[2]))
    top, bottom = (min(max(side / image.height, 0.0), 1.0) for side in (box[1], box[3]))
    return left, top, right, bottom


def _asked_for(phrase: str, names: Sequence[str]) -> str:
    """Which of the names a phrase means: Grounding DINO gives back words of the text, sometimes those of several."""
    said = phrase.lower().replace(".", " ").split()
    inside = [name for name in names if all(word in said for word in name.split())]
    return max(inside, key=lambda name: (len(name.split()), -said.index(name.split()[0])), default="")
