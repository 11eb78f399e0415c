"""Things known by name, built in or brought by installed packages as entry points: how each registry finds them.

Nothing is imported before it is asked for, and a plug-in that is broken carries its error and harms no other.
`generators.registry` and `evaluation.metrics.registry` are the two registries.
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Generic, Protocol, TypeVar

from common.vision_operators import torchvision_importable
from common.words import nearest


class Named(Protocol):
    """A spec: what is known of a thing before it is loaded, its name above all."""

    @property
    def name(self) -> str: ...


S = TypeVar("S", bound=Named)


@dataclass(frozen=True, slots=True)
class Entry(Generic[S]):
    """One thing as found: usable (`spec`) or broken (`error` says why, for people), never both.

    `source`: "built in", or the package that brings it ("acme-imagen 1.2"). `reference`: "module:attribute".
    """

    name: str
    source: str
    reference: str
    spec: S | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Plugins(Generic[S]):
    """A kind of thing with names.

    `what`: its word for people ("generator"). `group`: of the entry points. `built_in`: name -> "module:attribute" of
    each that ships. `spec_type`: what an entry point must name. `error`: what is raised, with a message for people.
    """

    what: str
    group: str
    built_in: Mapping[str, str]
    spec_type: type[S]
    error: type[ValueError]

    def names(self) -> list[str]:
        """The names that may be asked for, sorted, without importing anything: some may turn out to be broken."""
        return sorted({entry.name for entry in self._found()})

    def entries(self) -> list[Entry[S]]:
        """Everything found, sorted by name, each spec imported; a broken one carries its error."""
        found = list(self._found())
        return sorted((self._resolve(entry, found) for entry in found), key=lambda entry: (entry.name, entry.source))

    def get(self, name: str) -> S:
        """The spec of this name; no other's module is imported.

        Raises:
            `error`: nothing has this name (the nearest is named), or what has it is broken.
        """
        found = list(self._built_in())
        if name not in self.built_in:  # looking through what is installed takes some 10 ms, and drawing asks often
            found += self._brought()
        resolved = [self._resolve(entry, found) for entry in found if entry.name == name]
        if not resolved:
            known = sorted({entry.name for entry in found})
            hint = nearest(name, known) or "."
            raise self.error(f'unknown {self.what} "{name}"{hint} {self.what.capitalize()}s: {", ".join(known)}.')
        for entry in resolved:
            if entry.spec is not None:
                return entry.spec
        raise self.error(f'{self.what} "{name}" ({resolved[0].source}) can\'t be used: {resolved[0].error}')

    def _found(self) -> Iterator[Entry[S]]:
        yield from self._built_in()
        yield from self._brought()

    def _built_in(self) -> Iterator[Entry[S]]:
        for name, reference in self.built_in.items():
            yield Entry(name, "built in", reference)

    def _brought(self) -> Iterator[Entry[S]]:
        """Those of installed packages."""
        seen: set[tuple[str, str, str]] = set()
        for point in metadata.entry_points(group=self.group):
            source = f"{point.dist.name} {point.dist.version}" if point.dist else "unknown package"
            # An editable install may be seen twice, once as its egg-info in the working folder.
            if (identity := (point.name, source, point.value)) not in seen:
                seen.add(identity)
                yield Entry(point.name, source, point.value)

    def _resolve(self, entry: Entry[S], found: list[Entry[S]]) -> Entry[S]:
        """`entry` with its spec imported, or with the error that keeps it from being used."""
        rivals = [other for other in found if other.name == entry.name and other != entry]
        try:
            if entry.source != "built in" and entry.name in self.built_in:
                raise self.error(
                    f'the name "{entry.name}" is a built-in {self.what}\'s; the plug-in must choose another'
                )
            if entry.source != "built in" and rivals:
                others = ", ".join(sorted(Counter(other.source for other in rivals)))
                raise self.error(f'the name "{entry.name}" is also claimed by {others}; uninstall one of them')
            spec = import_reference(entry.reference)
            if not isinstance(spec, self.spec_type):
                wanted = f"{self.spec_type.__module__}.{self.spec_type.__name__}"
                raise self.error(f"{entry.reference} is a {type(spec).__name__}, not a {wanted}")
            if spec.name != entry.name:
                raise self.error(
                    f'the entry point is called "{entry.name}" and its spec "{spec.name}"; give them one name'
                )
        except (Exception, SystemExit) as error:
            message = str(error) if isinstance(error, self.error) else f"{entry.reference}: {describe(error)}"
            return Entry(entry.name, entry.source, entry.reference, error=message)
        return Entry(entry.name, entry.source, entry.reference, spec=spec)


def import_reference(reference: str) -> object:
    """What "module:attribute" names; "module:outer.inner" too. Whatever the import raises passes through."""
    torchvision_importable()  # a plug-in may stand on transformers
    module_name, _, attribute = reference.partition(":")
    value: object = importlib.import_module(module_name)
    for part in attribute.split("."):
        value = getattr(value, part)
    return value


def describe(error: BaseException) -> str:
    """An exception in one line for people: its type and message."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
