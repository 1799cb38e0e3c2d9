"""An SDP answer that fits the offer. No media flows: the answer only has what a peer connection checks.

From RFC 3264 (offer and answer), RFC 8829 (JSEP) and RFC 8841 (data channels).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from itertools import chain

from attrs import frozen

from openai_realtime.emulator.errors import invalid_offer

_CODECS = ("opus", "pcmu", "pcma", "g722")
# What has a fixed payload type, and so may come without rtpmap.
_STATIC_TYPES = {"0": "PCMU/8000", "8": "PCMA/8000", "9": "G722/8000"}
_MIRRORED = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}
_NO_ADDRESS = "c=IN IP4 0.0.0.0"


@frozen
class _Media:
    """One media section of the offer; `lines` are its own, then those of the session, which hold for all sections."""

    kind: str
    protocol: str
    formats: Sequence[str]
    lines: Sequence[str]

    def value(self, name: str) -> str:
        """Give the value of the first ``a=name:value`` line."""
        prefix = f"a={name}:"
        return next((line.removeprefix(prefix) for line in self.lines if line.startswith(prefix)), "")

    def accepted(self) -> list[str]:
        """Give the formats to talk in: a data channel's, or the first codec that both have. None refuses the media."""
        if self.kind == "application":
            return list(self.formats)
        names = {**_STATIC_TYPES, **dict(re.findall(r"^a=rtpmap:(\d+) (\S+)", "\n".join(self.lines), re.MULTILINE))}
        codecs = [(names.get(number, "").partition("/")[0].lower(), number) for number in self.formats]
        known = [(_CODECS.index(codec), number) for codec, number in codecs if codec in _CODECS]
        return [min(known)[1]] if known and self.kind == "audio" else []


def answer(offer: str) -> str:
    """Give the answer to `offer`: each of its media sections in its order, accepted or refused.

    Raises Refusal if `offer` is not SDP.
    """
    session, *sections = _sections(offer)
    media = [_media(section, session) for section in sections]
    bundled = " ".join(part.value("mid") for part in media if part.accepted())
    groups = [f"a=group:BUNDLE {bundled}"] if any(line.startswith("a=group:BUNDLE") for line in session) else []
    head = ["v=0", f"o=- {secrets.randbits(62)} 2 IN IP4 127.0.0.1", "s=-", "t=0 0", *groups, "a=ice-lite"]
    transport = _transport()
    return "".join(f"{line}\r\n" for line in chain(head, *(_answered(part, transport) for part in media)))


def _sections(offer: str) -> list[list[str]]:
    """Give the lines of the session part, then those of each media part."""
    lines = [line.rstrip() for line in offer.split("\n") if line.strip()]
    if not lines or not lines[0].startswith("v="):
        raise invalid_offer(f"expected a line that starts with v=, got {lines[0][:20]!r}" if lines else "EOF")
    starts = [index for index, line in enumerate(lines) if line.startswith("m=")]
    return [lines[start:end] for start, end in zip([0, *starts], [*starts, len(lines)], strict=True)]


def _media(section: Sequence[str], session: Sequence[str]) -> _Media:
    match section[0].removeprefix("m=").split():
        case [kind, _, protocol, *formats] if formats:
            return _Media(kind, protocol, formats, [*section, *session])
        case _:
            raise invalid_offer(f"bad media line {section[0][:40]!r}")


def _transport() -> list[str]:
    """Give the lines of ICE and DTLS, the same for all media of a bundle."""
    fingerprint = ":".join(f"{byte:02X}" for byte in secrets.token_bytes(32))
    return [
        f"a=ice-ufrag:{secrets.token_hex(4)}",
        f"a=ice-pwd:{secrets.token_hex(16)}",
        f"a=fingerprint:sha-256 {fingerprint}",
        "a=candidate:1 1 udp 2130706431 127.0.0.1 3478 typ host",
        "a=end-of-candidates",
    ]


def _answered(media: _Media, transport: Sequence[str]) -> list[str]:
    """Give the answer's section for one of the offer's. A refused one has port 0."""
    accepted = media.accepted()
    mid = [f"a=mid:{media.value('mid')}"] if media.value("mid") else []
    if not accepted:
        return [f"m={media.kind} 0 {media.protocol} {' '.join(media.formats)}", _NO_ADDRESS, *mid, "a=inactive"]
    first = [f"m={media.kind} 9 {media.protocol} {' '.join(accepted)}", _NO_ADDRESS, *mid, *transport]
    setup = f"a=setup:{'active' if media.value('setup') == 'passive' else 'passive'}"
    return [*first, setup, *(_channel() if media.kind == "application" else _audio(media, accepted[0]))]


def _channel() -> list[str]:
    return ["a=sctp-port:5000", "a=max-message-size:262144"]


def _audio(media: _Media, number: str) -> list[str]:
    """Give the chosen codec as it was offered, and the direction seen from the other side."""
    prefixes = tuple(f"a={name}:{number} " for name in ("rtpmap", "fmtp", "rtcp-fb"))
    codec = [line for line in media.lines if line.startswith(prefixes)]
    directions = (_MIRRORED.get(line.removeprefix("a=")) for line in media.lines)
    return [*codec, "a=rtcp-mux", f"a={next(filter(None, directions), 'sendrecv')}"]
