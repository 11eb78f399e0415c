"""An image's file with nothing but the parts that hold its pixels: no metadata, no text, nothing behind its end.

For files that were decoded whole, and whose pixels are shown as they are: such a copy takes no encoding. The forms are
those of PNG (W3C, third edition, 5), JPEG (ITU-T T.81, annex B) and WebP (RFC 9649).
"""

from __future__ import annotations

import re
import struct

_PNG_HEAD = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = (b"IHDR", b"IDAT", b"IEND")
_PNG_COLOURS = (2, 6)
"""RGB and RGBA; palettes and greys are written anew."""

_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC8})
"""Frame headers, Huffman tables (C4) and arithmetic conditioning (CC); C8 is reserved."""
_TABLES = frozenset({0xDB, 0xDD})
_SCAN_END = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
"""A marker that is neither a stuffed byte nor a restart nor filling."""


def plain_bytes(data: bytes, kind: str) -> bytes | None:
    """The parts of an image's file that hold its pixels; None where it must be written anew.

    `data`: of an opaque image of 8 bits a channel, upright and in sRGB, that was decoded without a fault. `kind`:
    "PNG", "JPEG" or "WEBP"; for others it is None.
    """
    try:
        if kind == "PNG":
            return _png(data)
        if kind == "JPEG":
            return _jpeg(data)
        if kind == "WEBP":
            return _webp(data)
    except (struct.error, IndexError):
        return None
    return None


def _png(data: bytes) -> bytes | None:
    kept = [_PNG_HEAD]
    at = len(_PNG_HEAD)
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        name = data[at + 4 : at + 8]
        end = at + 12 + length
        if end > len(data):
            return None
        if name == b"IHDR" and (data[at + 16] != 8 or data[at + 17] not in _PNG_COLOURS):
            return None
        if name in _PNG_KEPT:
            kept.append(data[at:end])
        elif not name[0] & 0x20 and name != b"PLTE":  # a critical chunk that is not known here
            return None
        if name == b"IEND":
            return b"".join(kept)
        at = end
    return None


def _jpeg(data: bytes) -> bytes | None:
    kept = [data[:2]]
    at = 2
    while True:
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:  # filling
            at += 1
            continue
        if marker == 0xD9:
            kept.append(data[at : at + 2])
            return b"".join(kept)
        (length,) = struct.unpack_from(">H", data, at + 2)
        end = at + 2 + length
        segment = data[at:end]
        if len(segment) < 2 + length:
            return None
        if marker in _FRAMES or marker in _TABLES or _says_colours(marker, segment):
            kept.append(segment)
        elif marker == 0xDA:
            end = _scan_end(data, end)
            kept.append(data[at:end])
        elif not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            return None
        at = end


def _says_colours(marker: int, segment: bytes) -> bool:
    """The two application segments that say how colours are meant: JFIF without a thumbnail, and Adobe's."""
    jfif = marker == 0xE0 and segment[4:9] == b"JFIF\0" and len(segment) == 18
    return jfif or (marker == 0xEE and segment[4:9] == b"Adobe" and len(segment) == 16)


def _scan_end(data: bytes, at: int) -> int:
    """Where the coded data of a scan end: at a marker that is neither a stuffed byte nor a restart."""
    found = _SCAN_END.search(data, at)
    if found is None:
        raise IndexError("the scan has no end")
    return found.start()


def _webp(data: bytes) -> bytes | None:
    at = 12
    while at + 8 <= len(data):
        name = data[at : at + 4]
        (length,) = struct.unpack_from("<I", data, at + 4)
        end = at + 8 + length + length % 2
        if name in (b"VP8 ", b"VP8L"):
            chunk = data[at : at + 8 + length] + b"\0" * (length % 2)
            if len(chunk) != 8 + length + length % 2:
                return None
            return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk
        at = end
    return None
