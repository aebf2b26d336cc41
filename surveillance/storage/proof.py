"""What a signed head of the chain proves, by anyone who has the site's public key: no database and no secret needed.

A link's digest goes into a leaf, the leaves of all links since the head before into a Merkle tree (RFC 6962, section
2.1), and its root into a statement that is signed with Ed25519 (RFC 8032).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from surveillance.storage.canonical import canonical

SIGNED_OVER = b"surveillance chain head\n"  # so that the signature of anything else never fits
SUCCEEDED_BY = b"surveillance signing key\n"
_NOT_SIGNED = ("key", "signature")


def digest_of(salt: bytes, body: bytes) -> bytes:
    """Salted SHA-256 of a row's bytes; once the salt is erased, nobody can tell by it what the row said."""
    return hashlib.sha256(salt + body).digest()


def leaf_of(seq: int, kind: str, ref: str, digest: bytes) -> bytes:
    """What stands for a link in its tree, and what the keyed chain runs over."""
    return hashlib.sha256(b"\0" + f"{seq}\n{kind}\n{ref}\n".encode() + digest).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The Merkle tree hash of at least one leaf."""
    level = list(leaves)
    while len(level) > 1:  # pairs from the left; one that is left over moves up as it is, which is RFC 6962's tree
        level = [_node(*level[at : at + 2]) if at + 1 < len(level) else level[at] for at in range(0, len(level), 2)]
    return level[0]


def path_to(leaves: Sequence[bytes], place: int) -> list[tuple[str, bytes]]:
    """From that leaf to the root: the hash to put beside at each step, and on which side, `left` or `right`."""
    level, steps = list(leaves), []
    while len(level) > 1:
        beside = place ^ 1
        if beside < len(level):
            steps.append(("left" if beside < place else "right", level[beside]))
        level = [_node(*level[at : at + 2]) if at + 1 < len(level) else level[at] for at in range(0, len(level), 2)]
        place //= 2
    return steps


def root_by(leaf: bytes, path: Sequence[tuple[str, bytes]]) -> bytes:
    """The root to which that path leads."""
    for side, beside in path:
        leaf = _node(beside, leaf) if side == "left" else _node(leaf, beside)
    return leaf


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


# --- statements ----------------------------------------------------------------------------------------------------


def sign(statement: Mapping[str, Any], secret: bytes, over: bytes = SIGNED_OVER) -> dict[str, Any]:
    """The statement with `key` and `signature` in hexadecimal; `over` says what kind of statement it is."""
    private = Ed25519PrivateKey.from_private_bytes(secret)
    signature = private.sign(over + canonical(statement))
    return {**statement, "key": private.public_key().public_bytes_raw().hex(), "signature": signature.hex()}


def public_key_of(secret: bytes) -> str:
    """In hexadecimal."""
    return Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw().hex()


def is_signed(head: Mapping[str, Any], key: str, over: bytes = SIGNED_OVER) -> bool:
    """Whether that key signed the statement, and nobody changed it since."""
    statement = {name: value for name, value in head.items() if name not in _NOT_SIGNED}
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
        public.verify(bytes.fromhex(head["signature"]), over + canonical(statement))
    except (InvalidSignature, ValueError, KeyError, TypeError):
        return False
    return True


def succeed(older: bytes, key: bytes) -> dict[str, str]:
    """That a key took the place of another: the public ones, signed by both."""
    told = {"from": public_key_of(older), "to": public_key_of(key)}
    over = SUCCEEDED_BY + canonical(told)
    by = [Ed25519PrivateKey.from_private_bytes(secret).sign(over).hex() for secret in (older, key)]
    return {**told, "by_from": by[0], "by_to": by[1]}


def trusted_with(key: str, successions: Sequence[Mapping[str, Any]]) -> set[str]:
    """The key with those that stood in its place before and after, as far as both of each pair signed it."""
    trusted, more = {key}, True
    while more:
        more = False
        for told in successions:
            pair = {str(told.get("from")), str(told.get("to"))}
            if len(pair & trusted) == 1 and _both_signed(told):
                trusted |= pair
                more = True
    return trusted


def _both_signed(told: Mapping[str, Any]) -> bool:
    over = SUCCEEDED_BY + canonical({"from": told["from"], "to": told["to"]})
    try:
        for key, signature in (("from", "by_from"), ("to", "by_to")):
            public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(told[key]))
            public.verify(bytes.fromhex(told[signature]), over)
    except (InvalidSignature, ValueError, KeyError, TypeError):
        return False
    return True
