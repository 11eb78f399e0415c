"""The chain alone: what it commits to, and what does not hold after a change, with and without hashes made anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from common.hashes import hash_of
from evaluation.reports.bundle.chain import (
    CLOSING,
    DELETION,
    OPENING,
    RATINGS,
    Link,
    commitment_of,
    contents_of,
    faults_of,
    instance_key,
    is_signed,
    new_salt,
    public_name,
    sign,
)

KEY = instance_key("a secret of the tests")
NOTHING: Mapping[str, Any] = {}
RECORDS = [{"question": "q", "choice": each} for each in ("left", "right", "indifferent")]
SALTS = [new_salt() for _ in RECORDS]
NAMES = [commitment_of(salt, record) for salt, record in zip(SALTS, RECORDS, strict=True)]


def chain(key: Ed25519PrivateKey = KEY, changed: Mapping[str, Any] = NOTHING) -> list[Link]:
    """Four links; `changed`: by kind what is other in its body."""
    told: list[tuple[str, dict[str, Any]]] = [
        (OPENING, {"locked": {"suite.json": "a" * 64}}),
        (RATINGS, {"commitments": NAMES}),
        (DELETION, {"deleted": NAMES[:1]}),
        (CLOSING, {"retracted": [[NAMES[1], "2026-01-01T00:00:00.000000Z"]]}),
    ]
    links: list[Link] = []
    for number, (kind, body) in enumerate(told):
        head = links[-1].head if links else ""
        fixed = {"study": "s", "number": number, "previous": head, "kind": kind, "at": "2026-01-01T00:00:00.000000Z"}
        links.append(Link.signed({**fixed, **body, **changed.get(kind, {})}, key))
    return links


def test_a_whole_chain_holds_and_tells_what_was_told() -> None:
    links = chain()
    assert faults_of(links, "s") == []
    told = contents_of(links)
    assert told.commitments == NAMES and told.is_closed
    assert set(told.retracted) == {NAMES[1]} and set(told.deleted) == {NAMES[0]}
    assert "of the study s, not of another" in faults_of(links, "another")[0]


def test_the_key_is_the_instance_s_own() -> None:
    assert public_name(instance_key("a secret of the tests")) == public_name(KEY) != public_name(instance_key("other"))
    head = hash_of("x")
    assert is_signed(public_name(KEY), head, sign(KEY, head))
    assert not is_signed(public_name(instance_key("other")), head, sign(KEY, head))
    assert not is_signed("no key", head, "no signature")


@pytest.mark.parametrize("at", range(4))
def test_a_changed_link_is_found_with_hashes_made_anew_too(at: int) -> None:
    """All plain hashes from the changed link on are computed again; only the key's owner could sign them."""
    links = chain()
    for number in range(at, 4):
        before = links[number - 1].head if number else ""
        body = {**links[number].body, "previous": before, **({"at": "2020-01-01"} if number == at else {})}
        links[number] = Link(body, hash_of(body), links[number].public_key, links[number].signature)
    assert any(f"link {at} of the chain is not what its key signed" in each for each in faults_of(links, "s"))
    another = chain(instance_key("other"))
    assert any("several keys" in each for each in faults_of([*links[:1], *another[1:]], "s"))


def test_links_left_out_added_or_turned_round_are_found() -> None:
    links = chain()
    for wrong in (links[1:], [links[0], *links[2:]], [links[0], links[2], links[1], links[3]], [*links, links[3]]):
        assert faults_of(wrong, "s")
    assert any("sealed twice" in each for each in faults_of(chain(changed={RATINGS: {"commitments": NAMES * 2}}), "s"))
    assert any("never sealed" in each for each in faults_of(chain(changed={DELETION: {"deleted": ["b" * 64]}}), "s"))


def test_a_commitment_hides_and_binds() -> None:
    assert commitment_of(SALTS[0], RECORDS[0]) != commitment_of(SALTS[1], RECORDS[0])
    assert commitment_of(SALTS[0], {"choice": "left", "question": "q"}) == NAMES[0], "whatever the order of fields"
    assert commitment_of(SALTS[0], RECORDS[1]) != NAMES[0]
