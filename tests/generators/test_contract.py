"""Parameters, specs and results: what is refused, and with which words."""

import numpy as np
import pytest

from generators.contract import Failure, FailureKind, GeneratorError, GeneratorSpec, ImageResult, Parameter

SPEC = GeneratorSpec(
    "toy",
    "A toy.",
    "toy:load",
    parameters=(
        Parameter("guidance", "weight", 3.0, low=1.0, high=30.0),
        Parameter("steps", "steps", 16, low=1),
        Parameter("fast", "skip", False),
        Parameter("sampler", "kind", "ddim", choices=("ddim", "ddpm")),
        Parameter("weights", "folder", "", operator_only=True),
    ),
)


def test_resolve_fills_defaults_in_declared_order_and_parses_texts() -> None:
    values = SPEC.resolve({"steps": "8", "guidance": "5", "fast": "yes"})
    assert values == {"guidance": 5.0, "steps": 8, "fast": True, "sampler": "ddim", "weights": ""}
    assert list(values) == ["guidance", "steps", "fast", "sampler", "weights"]
    assert type(values["guidance"]) is float


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"guidnace": 1}, "has no parameter 'guidnace'; did you mean \"guidance\"? Its parameters: guidance, steps"),
        ({"xyz": 1}, "has no parameter 'xyz'. Its parameters"),
        ({"guidance": "high"}, "'high' is not a number from 1 to 30"),
        ({"guidance": 31}, "31 is not a number from 1 to 30"),
        ({"guidance": "nan"}, "'nan' is not a number from 1 to 30"),
        ({"guidance": "inf"}, "'inf' is not a number from 1 to 30"),
        ({"steps": "1.5"}, "'1.5' is not a whole number, 1 or more"),
        ({"steps": True}, "True is not a whole number"),
        ({"fast": "perhaps"}, "'perhaps' is not true or false"),
        ({"sampler": "dpdm"}, 'is not one of ddim, ddpm; did you mean "ddpm"?'),
    ],
)
def test_bad_values_are_refused_with_what_is_allowed(given: dict[str, object], message: str) -> None:
    with pytest.raises(GeneratorError) as caught:
        SPEC.resolve(given)
    assert message in str(caught.value)


def test_a_parameter_without_default_must_be_given() -> None:
    spec = GeneratorSpec("toy", "A toy.", "toy:load", (Parameter("path", "folder of images", kind=str),))
    with pytest.raises(GeneratorError, match="needs the parameter path: folder of images"):
        spec.resolve({})
    assert spec.resolve({"path": "x"}) == {"path": "x"}


def test_files_of_the_server_are_named_by_its_operator_alone() -> None:
    assert SPEC.resolve({"weights": "/srv/w"})["weights"] == "/srv/w"
    assert SPEC.resolve({"weights": ""}, operator=False)["weights"] == ""
    with pytest.raises(GeneratorError, match="only a command on the server may give it"):
        SPEC.resolve({"weights": "/etc"}, operator=False)
    assert not SPEC.needs_operator
    assert GeneratorSpec("x", "", "x:y", (Parameter("path", "", kind=str, operator_only=True),)).needs_operator


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_a_result_holds_a_uint8_rgb_image(image: np.ndarray) -> None:
    with pytest.raises(GeneratorError, match="uint8 RGB"):
        ImageResult("k", image)


def test_a_result_is_an_image_or_a_failure() -> None:
    image, failure = np.zeros((1, 1, 3), np.uint8), Failure(FailureKind.TIMEOUT, "late")
    for both in ({}, {"image": image, "failure": failure}):
        with pytest.raises(GeneratorError, match="an image or a failure"):
            ImageResult("k", **both)  # type: ignore[arg-type]
    assert ImageResult("k", failure=failure).failure is failure


def test_which_failures_may_be_tried_again() -> None:
    assert {kind for kind in FailureKind if kind.retryable} == {"rate_limited", "timeout", "crash"}
