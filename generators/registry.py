"""Generators by name: the built-in ones, and those that installed packages bring as entry points.

Importing this module imports neither torch nor a concrete generator; `get_spec` and `entries` import the light spec
modules, and only `load` imports what draws. The web process may use all but `load`.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
from collections.abc import Callable, Mapping
from typing import cast

from common import plugins
from common.allocator import keep_freed_memory
from common.drawing import DrawingMissingError, what_is_missing
from common.numbers import number_or_none
from common.plugins import describe, import_reference
from common.words import nearest
from generators.contract import (
    Generator,
    GeneratorError,
    GeneratorFactory,
    GeneratorInfo,
    GeneratorSpec,
    ParameterValue,
)

ENTRY_POINT_GROUP = "drawbench.generators"

_SHIPPED: Mapping[str, str] = {
    "cascade": "generators.cascade.spec:SPEC",
    "cascade-no-sr-text": "generators.contenders.specs:NO_SR_TEXT",
    "cascade-clip-text": "generators.contenders.specs:CLIP_TEXT",
    "unclip": "generators.contenders.specs:UNCLIP",
    "latent": "generators.contenders.specs:LATENT",
    "guided-clip": "generators.contenders.specs:GUIDED_CLIP",
    "folder": "generators.rivals.folder:SPEC",
    "command": "generators.rivals.command.spec:SPEC",
    "diffusers": "generators.rivals.diffusers.spec:SPEC",
    "http": "generators.rivals.http.spec:SPEC",
}

BUILT_IN: Mapping[str, str] = {
    name: reference
    for name, reference in _SHIPPED.items()
    if importlib.util.find_spec(reference.partition(":")[0].rpartition(".")[0]) is not None
}
"""Name of each built-in generator -> "module:attribute" of its `GeneratorSpec`. The contract installed alone
(packages/generators) comes without the cascade."""


class DrawingMissing(GeneratorError, DrawingMissingError):
    """A generator needs what only drawing and scoring need, and it is not installed."""


Entry = plugins.Entry[GeneratorSpec]
"""One generator as found: usable (`spec`) or broken (`error` says why, for people), never both."""

_GENERATORS = plugins.Plugins("generator", ENTRY_POINT_GROUP, BUILT_IN, GeneratorSpec, GeneratorError)


def names() -> list[str]:
    """The names that may be asked for, sorted, without importing anything: some may turn out to be broken."""
    return _GENERATORS.names()


def entries() -> list[Entry]:
    """Every generator, sorted by name, each spec imported; a broken one carries its error and harms no other."""
    return _GENERATORS.entries()


def get_spec(name: str) -> GeneratorSpec:
    """The spec of the generator called `name`; no other generator's module is imported.

    Raises:
        GeneratorError: no generator has this name (the nearest is named), or the one that has it is broken.
    """
    return _GENERATORS.get(name)


def load(name: str, parameters: Mapping[str, object], *, size: int = 0, device: str = "auto") -> Generator:
    """The generator called `name`, ready to draw.

    `parameters`: values or their texts, checked and completed by its spec. `size`: one of its sizes in pixels, 0 for
    `default_size`. `device`: "auto", "cpu", "cuda", "cuda:1" ...

    Raises:
        GeneratorError: unknown name, parameter, value, size or device; or what it needs is not there (`DrawingMissing`
            where that is torch, or what stands on it).
    """
    spec = get_spec(name)
    values = spec.resolve(parameters)
    size = check_size(spec, size)
    if lacking := spec.lacks:
        raise GeneratorError(
            f'generator "{name}" needs {", ".join(lacking)}, which this machine lacks. Install with: {spec.install}'
        )
    device = resolve_device(spec, device)
    keep_freed_memory()
    try:
        factory = cast(GeneratorFactory, import_reference(spec.factory))
        generator: object = factory(values, size=size, device=device)
        is_whole = isinstance(generator, Generator)
    except GeneratorError:
        raise
    except Exception as error:
        if missing := what_is_missing(error):
            raise DrawingMissing(missing) from error
        raise GeneratorError(f'generator "{name}" could not be loaded: {describe(error)}') from error
    if not is_whole:
        raise GeneratorError(
            f'generator "{name}": {spec.factory} gave a {type(generator).__name__}, which lacks one of '
            "batch_size, info, generate and close (generators.contract.Generator)"
        )
    whole = cast(Generator, generator)
    if wrong := _wrong(whole):
        with contextlib.suppress(Exception):
            whole.close()
        raise GeneratorError(f'generator "{name}": {wrong}')
    return whole


def _wrong(generator: Generator) -> str:
    """What of a loaded generator can't be worked with, "" where all can."""
    info: object = generator.info
    if not isinstance(info, GeneratorInfo):
        return f"its info is {info!r:.60}, where a GeneratorInfo belongs"
    if type(generator.batch_size) is not int or generator.batch_size < 1:
        return f"its batch_size is {generator.batch_size!r:.60}; it must be a whole number, 1 or more"
    return ""


def expected_usd(spec: GeneratorSpec, parameters: Mapping[str, object], *, n_images: int) -> float | None:
    """What so many images are expected to cost in US dollars, before anything is loaded; None where nobody knows.

    `parameters`: resolved by `spec`.

    Raises:
        GeneratorError: the parameters name something that is not there.
    """
    if not spec.price:
        return None
    image_usd = number_or_none(_told_by(spec, spec.price, parameters))
    return None if image_usd is None else image_usd * n_images


def devices_of(spec: GeneratorSpec, parameters: Mapping[str, object]) -> tuple[str, ...]:
    """The kinds of device that images with these parameters can use: the spec's, unless the parameters name others.

    `parameters`: resolved by `spec`.

    Raises:
        GeneratorError: the parameters name something that is not there.
    """
    if not spec.devices_by:
        return spec.devices
    return cast("tuple[str, ...]", _told_by(spec, spec.devices_by, parameters))


def identity(spec: GeneratorSpec, values: Mapping[str, ParameterValue], size: int) -> tuple[str, str] | None:
    """The version and the weights' fingerprint that images would be drawn with now; None where only loading tells.

    `values`: as resolved by the spec. Loads no weights.

    Raises:
        GeneratorError: the weights are not there.
    """
    if not spec.identity:
        return None
    told = _told_by(spec, spec.identity, values, size=size)
    if not isinstance(told, tuple) or len(told) != 2:
        raise GeneratorError(
            f'generator "{spec.name}": {spec.identity} answers {told!r:.60}, no version and fingerprint'
        )
    return told if told[1] else None


def missing(spec: GeneratorSpec) -> list[str]:
    """What this process lacks to draw with it, a sentence each: modules, weights, and what `spec.missing` says."""
    told = []
    if lacking := spec.lacks:
        told.append(f"not installed here: {', '.join(lacking)}; install with: {spec.install}")
    if all(parameter.default is not None for parameter in spec.parameters):
        try:
            identity(spec, spec.resolve({}), default_size(spec))
        except GeneratorError as error:
            told.append(str(error))
    if spec.missing:
        try:
            said = _told_by(spec, spec.missing)
            told += map(str, said) if isinstance(said, list | tuple) else [str(said)]
        except GeneratorError as error:
            told.append(str(error))
    return told


def _told_by(spec: GeneratorSpec, reference: str, *arguments: object, **options: object) -> object:
    """What a light function that the spec names answers.

    Raises:
        GeneratorError: its own, or whatever else it raised.
    """
    try:
        return cast("Callable[..., object]", import_reference(reference))(*arguments, **options)
    except GeneratorError:
        raise
    except Exception as error:
        raise GeneratorError(f'generator "{spec.name}": {reference} raised {describe(error)}') from error


def default_size(spec: GeneratorSpec) -> int:
    """The size to draw when none is asked for: 256 where it can, else its smallest; 0 where images keep their own."""
    if not spec.sizes:
        return 0
    return 256 if 256 in spec.sizes else min(spec.sizes)


def check_size(spec: GeneratorSpec, size: int) -> int:
    """`size` in pixels if the generator makes it; 0 becomes its default. A generator without sizes takes any as 0.

    Raises:
        GeneratorError: it makes other sizes.
    """
    if size == 0 or not spec.sizes:
        return default_size(spec)
    if size not in spec.sizes:
        sizes = ", ".join(str(known) for known in spec.sizes)
        raise GeneratorError(f"generator {spec.name} makes no images of size {size}. Its sizes: {sizes}.")
    return size


def resolve_device(spec: GeneratorSpec, device: str) -> str:
    """The device to load on: as asked, or for "auto" the best one that is there and that the generator can use.

    Raises:
        GeneratorError: the generator can't use this device, or the machine has none such.
    """
    if device == "auto":
        return next((kind for kind in ("cuda", "mps") if kind in spec.devices and _available(kind)), "cpu")
    kind, _, index = device.partition(":")
    if kind not in spec.devices or (index and not index.isdigit()):
        choices = ", ".join(("auto", *spec.devices))
        raise GeneratorError(
            f'generator {spec.name} can\'t run on device "{device}"{nearest(device, spec.devices) or "."} '
            f"Its devices: {choices}."
        )
    if kind != "cpu" and not _available(kind, int(index or 0)):
        raise GeneratorError(f'this machine has no device "{device}". Use "auto", or "cpu", which is always there.')
    return device


def _available(kind: str, index: int = 0) -> bool:
    """Whether torch can use the device. torch is imported only here, and only for generators that may use one."""
    if importlib.util.find_spec("torch") is None:
        return False
    torch = importlib.import_module("torch")
    if kind == "cuda":
        return bool(torch.cuda.is_available()) and index < int(torch.cuda.device_count())
    if kind == "mps":
        return index == 0 and bool(torch.backends.mps.is_available())
    return False
