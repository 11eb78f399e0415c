"""The chain of seals: commitments to ratings, each link naming the one before, signed by the instance's key.

A rating's commitment is SHA-256 of a random salt and its canonical record, so that the chain says nothing of a rating
before its bundle does, and nothing of a deleted one ever. A link's head is SHA-256 of its canonical body, which has the
head before it; the key (Ed25519, RFC 8032) signs the head.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from common.hashes import canonical_json, hash_of

SALT_BYTES = 16
PURPOSE = b"drawbench seals, version 1"
OPENING, RATINGS, DELETION, CLOSING = KINDS = ("opening", "ratings", "deletion", "closing")
"""What a link tells: what the study locked; new and retracted ratings; ratings deleted on a participant's request; that
nothing comes after it."""


def new_salt() -> str:
    """A salt that nobody guesses, in hexadecimal."""
    return secrets.token_hex(SALT_BYTES)


def commitment_of(salt: str, record: Mapping[str, object]) -> str:
    """What the chain has of a rating with this `record`, in hexadecimal."""
    return hashlib.sha256(f"{salt}\n{canonical_json(record)}".encode()).hexdigest()


def instance_key(secret: str) -> Ed25519PrivateKey:
    """The signing key of the instance with this secret; another secret is another key."""
    seed = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=PURPOSE).derive(secret.encode())
    return Ed25519PrivateKey.from_private_bytes(seed)


def public_name(key: Ed25519PrivateKey) -> str:
    """The public key, 64 hexadecimal digits."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def sign(key: Ed25519PrivateKey, head: str) -> str:
    """The signature of a hash in hexadecimal."""
    return key.sign(bytes.fromhex(head)).hex()


def is_signed(public_key: str, head: str, signature: str) -> bool:
    """Whether the owner of `public_key` signed `head`; all three in hexadecimal."""
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(bytes.fromhex(signature), bytes.fromhex(head))
    except (InvalidSignature, ValueError):
        return False
    return True


@dataclass(frozen=True)
class Link:
    """A link of a study's chain. `body`: what it tells, with `study`, `number` from 0, `previous` (the head before it,
    empty at first), `kind` (of `KINDS`) and `at`; ``commitments`` of new ratings, ``retracted`` [commitment, moment] of
    withdrawn ones, ``deleted`` commitments; the opening's ``locked``, by name the hash of what the study locked.
    """

    body: Mapping[str, Any]
    head: str
    public_key: str
    signature: str

    @classmethod
    def signed(cls, body: Mapping[str, Any], key: Ed25519PrivateKey) -> Link:
        """The link with this body, signed."""
        head = hash_of(body)
        return cls(body, head, public_name(key), sign(key, head))

    @property
    def name(self) -> str:
        """How a difference names it."""
        return f"link {self.body.get('number')} of the chain"

    def to_dict(self) -> dict[str, Any]:
        """As a line of chain.jsonl."""
        return {"body": dict(self.body), "head": self.head, "public_key": self.public_key, "signature": self.signature}


@dataclass(frozen=True)
class ChainContents:
    """What a chain tells, all links together. `opened`: hashes of what the study locked. `retracted`: by commitment."""

    opened: Mapping[str, str]
    commitments: Sequence[str]
    retracted: Mapping[str, str]
    deleted: frozenset[str]
    is_closed: bool


def contents_of(links: Iterable[Link]) -> ChainContents:
    """What the links tell."""
    opened: dict[str, str] = {}
    commitments: list[str] = []
    retracted: dict[str, str] = {}
    deleted: set[str] = set()
    closed = False
    for link in links:
        opened |= link.body.get("locked", {})
        commitments += link.body.get("commitments", [])
        retracted |= dict(link.body.get("retracted", []))
        deleted |= set(link.body.get("deleted", []))
        closed = closed or link.body.get("kind") == CLOSING
    return ChainContents(opened, commitments, retracted, frozenset(deleted), closed)


def faults_of(links: Sequence[Link | None], study: str) -> list[str]:
    """What does not hold in a chain, a sentence each; empty where all does. None stands for a link that can't be read,
    which is no fault here: the others are looked at.
    """
    found = []
    before: str | None = ""
    closed = False
    for number, link in enumerate(links):
        if link is None:
            before = None
            continue
        body = link.body
        if body.get("number") != number:
            found.append(f"chain.jsonl: the link at place {number} says that it is number {body.get('number')}.")
        if body.get("study") != study:
            found.append(f"chain.jsonl: {link.name} is of the study {body.get('study')}, not of {study}.")
        if body.get("kind") not in KINDS or (body.get("kind") == OPENING) != (number == 0):
            found.append(f"chain.jsonl: {link.name} is of the kind {body.get('kind')}, which can't stand there.")
        if closed and body.get("kind") != DELETION:
            found.append(f"chain.jsonl: {link.name} comes after the study was closed.")
        if before is not None and body.get("previous") != before:
            found.append(f"chain.jsonl: {link.name} does not follow the one before it.")
        if hash_of(body) != link.head:
            found.append(f"chain.jsonl: {link.name} was changed: its hash is not its head.")
        if not is_signed(link.public_key, link.head, link.signature):
            found.append(f"chain.jsonl: {link.name} is not what its key signed.")
        before = link.head
        closed = closed or body.get("kind") == CLOSING
    there = [link for link in links if link is not None]
    if len({link.public_key for link in there}) > 1:
        found.append("chain.jsonl: its links have several keys. Was the instance's secret changed?")
    told = contents_of(there)
    if len(set(told.commitments)) != len(told.commitments):
        found.append("chain.jsonl: a rating is sealed twice.")
    whole = len(there) == len(links)
    for name in sorted((set(told.retracted) | told.deleted) - set(told.commitments)) if whole else ():
        found.append(f"chain.jsonl: {name[:12]} is withdrawn or deleted, and was never sealed.")
    return found
