"""Generators by name: the built-in ones, and those that installed packages bring as entry points.

Importing this module imports neither torch nor a concrete generator; `get_spec` and `entries` import the light spec
modules, and only `load` imports what draws. The web process may use all but `load`.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata

from generators.contract import Generator, GeneratorError, GeneratorSpec, nearest

ENTRY_POINT_GROUP = "drawbench.generators"

BUILT_IN: Mapping[str, str] = {
    "cascade": "generators.cascade.spec:SPEC",
    "folder": "generators.rivals.folder:SPEC",
}
"""Name of each built-in generator -> "module:attribute" of its `GeneratorSpec`."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One generator as found: usable (`spec`) or broken (`error` says why, for people), never both.

    `source`: "built in", or the package that brings it ("acme-imagen 1.2"). `reference`: "module:attribute".
    """

    name: str
    source: str
    reference: str
    spec: GeneratorSpec | None = None
    error: str = ""


def names() -> list[str]:
    """The names that may be asked for, sorted, without importing anything: some may turn out to be broken."""
    return sorted({entry.name for entry in _found()})


def entries() -> list[Entry]:
    """Every generator, sorted by name, each spec imported; a broken one carries its error and harms no other."""
    found = list(_found())
    return sorted((_resolve(entry, found) for entry in found), key=lambda entry: (entry.name, entry.source))


def get_spec(name: str) -> GeneratorSpec:
    """The spec of the generator called `name`; no other generator's module is imported.

    Raises:
        GeneratorError: no generator has this name (the nearest is named), or the one that has it is broken.
    """
    found = list(_found())
    resolved = [_resolve(entry, found) for entry in found if entry.name == name]
    if not resolved:
        known = sorted({entry.name for entry in found})
        raise GeneratorError(f'unknown generator "{name}"{nearest(name, known) or "."} Generators: {", ".join(known)}.')
    for entry in resolved:
        if entry.spec is not None:
            return entry.spec
    raise GeneratorError(f'generator "{name}" ({resolved[0].source}) can\'t be used: {resolved[0].error}')


def load(name: str, parameters: Mapping[str, object], *, size: int = 0, device: str = "auto") -> Generator:
    """The generator called `name`, ready to draw.

    `parameters`: values or their texts, checked and completed by its spec. `size`: one of its sizes in pixels, 0 for
    `default_size`. `device`: "auto", "cpu", "cuda", "cuda:1" ...

    Raises:
        GeneratorError: unknown name, parameter, value, size or device; or what it needs is not there.
    """
    spec = get_spec(name)
    values = spec.resolve(parameters)
    size = check_size(spec, size)
    device = resolve_device(spec, device)
    module_name, _, attribute = spec.factory.partition(":")
    try:
        generator = getattr(importlib.import_module(module_name), attribute)(values, size=size, device=device)
    except GeneratorError:
        raise
    except Exception as error:
        raise GeneratorError(f'generator "{name}" could not be loaded: {describe(error)}') from error
    if not isinstance(generator, Generator):
        raise GeneratorError(
            f'generator "{name}": {spec.factory} gave a {type(generator).__name__}, which lacks one of '
            "batch_size, info, generate and close (generators.contract.Generator)"
        )
    return generator


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


def describe(error: BaseException) -> str:
    """An exception in one line for people: its type and message."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


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


def _found() -> Iterator[Entry]:
    for name, reference in BUILT_IN.items():
        yield Entry(name, "built in", reference)
    seen: set[tuple[str, str, str]] = set()
    for point in metadata.entry_points(group=ENTRY_POINT_GROUP):
        source = f"{point.dist.name} {point.dist.version}" if point.dist else "unknown package"
        # An editable install may be seen twice, once as its egg-info in the working folder.
        if (identity := (point.name, source, point.value)) not in seen:
            seen.add(identity)
            yield Entry(point.name, source, point.value)


def _resolve(entry: Entry, found: list[Entry]) -> Entry:
    """`entry` with its spec imported, or with the error that keeps it from being used."""
    rivals = [other for other in found if other.name == entry.name and other != entry]
    try:
        if entry.source != "built in" and entry.name in BUILT_IN:
            raise GeneratorError(f'the name "{entry.name}" is a built-in generator\'s; the plug-in must choose another')
        if entry.source != "built in" and rivals:
            others = ", ".join(sorted(Counter(other.source for other in rivals)))
            raise GeneratorError(f'the name "{entry.name}" is also claimed by {others}; uninstall one of them')
        spec = _import(entry.reference)
        if not isinstance(spec, GeneratorSpec):
            raise GeneratorError(
                f"{entry.reference} is a {type(spec).__name__}, not a generators.contract.GeneratorSpec"
            )
        if spec.name != entry.name:
            raise GeneratorError(
                f'the entry point is called "{entry.name}" and its spec "{spec.name}"; give them one name'
            )
    except (Exception, SystemExit) as error:
        message = str(error) if isinstance(error, GeneratorError) else f"{entry.reference}: {describe(error)}"
        return Entry(entry.name, entry.source, entry.reference, error=message)
    return Entry(entry.name, entry.source, entry.reference, spec=spec)


def _import(reference: str) -> object:
    module_name, _, attribute = reference.partition(":")
    value: object = importlib.import_module(module_name)
    for part in attribute.split("."):
        value = getattr(value, part)
    return value
