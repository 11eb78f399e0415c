"""What of guidance and negative prompts a pipeline reads: what it passes over, diffusers says in a log alone."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from generators.contract import GeneratorError
from generators.rivals.diffusers.stages import Stage

TRUE = "true_cfg_scale"
"""The argument by which models that were distilled, or may be, are guided away from a negative prompt."""

NOTHING = " "
"""The negative prompt of who names none: without any, such pipelines guide by nothing."""


def check_guidance(arguments: Mapping[str, Any], negative_prompt: str, stages: Sequence[Stage]) -> None:
    """Refuse guidance, or a negative prompt, that no stage would read. `arguments`: those for all stages.

    Raises:
        GeneratorError: the message names the argument that would be read.
    """
    if "guidance_scale" in arguments:
        takers = [stage for stage in stages if "guidance_scale" in stage.takes]
        if takers and all(TRUE in stage.takes and not _knows_guidance(stage.pipe) for stage in takers):
            raise GeneratorError(
                f"{_name(takers[0])} passes guidance over: this model was not trained to be told it. It is guided by "
                f'arguments={{"{TRUE}": 4}}'
            )
    if negative_prompt:
        takers = [stage for stage in stages if "negative_prompt" in stage.takes]
        if takers and not any(_is_guided(stage, {**stage.arguments, **arguments}) for stage in takers):
            how = f'arguments={{"{TRUE}": 4}}' if TRUE in takers[0].takes else "guidance above 1"
            raise GeneratorError(f"{_name(takers[0])} reads a negative prompt only when it is guided: set {how}")


def true_guidance(stage: Stage, given: Mapping[str, Any]) -> float:
    """The weight by which it is guided away from a negative prompt with these arguments; 0 where it takes none."""
    return _number(stage, given, TRUE, 0.0)


def _is_guided(stage: Stage, given: Mapping[str, Any]) -> bool:
    if TRUE in stage.takes:
        return true_guidance(stage, given) > 1
    pipe = stage.pipe
    try:  # each pipeline has its own threshold, and some a reason never to be guided
        pipe._guidance_scale = _number(stage, given, "guidance_scale", 1.0)
        return bool(pipe.do_classifier_free_guidance)
    except Exception:  # those without this property
        return _number(stage, given, "guidance_scale", 2.0) > 1


def _knows_guidance(pipe: Any) -> bool:
    config = getattr(getattr(pipe, "transformer", None), "config", None)
    return bool(getattr(config, "guidance_embeds", True))


def _number(stage: Stage, given: Mapping[str, Any], name: str, otherwise: float) -> float:
    """An argument's value: as given, or the call's own; `otherwise` where it is no number."""
    parameter = inspect.signature(type(stage.pipe).__call__).parameters.get(name)
    value = given.get(name, parameter.default if parameter else None)
    return float(value) if isinstance(value, int | float) else otherwise


def _name(stage: Stage) -> str:
    return type(stage.pipe).__name__
