"""`openai-realtime inspect`: what happened in a recording, and where its time went."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import click

from openai_realtime._codec.json import load_object
from openai_realtime.cli.terminal import one_line, print_rows, print_stdout
from openai_realtime.conversation import Prices
from openai_realtime.errors import DecodeError
from openai_realtime.recording import read
from openai_realtime.recording.html import page
from openai_realtime.recording.report import Report, Turn, report


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--html", type=click.Path(dir_okay=False, writable=True, path_type=Path), metavar="FILE",
              help="Write a page with timeline, waveforms and captions instead.")  # fmt: skip
@click.option("--prices", type=click.File("rb"), metavar="FILE",
              help="What tokens cost: JSON with the fields of `Prices`, for a million each.")  # fmt: skip
def inspect(file: Path, html: Path | None, prices: IO[bytes] | None) -> None:
    """Explain a recording: turns, latencies, tools, tokens, cost and errors."""
    price_list = _prices(prices)
    entries = list(read(file))
    summary = report(entries)
    if html is not None:
        html.write_text(page(entries, summary), encoding="utf-8")
        print_stdout(f"The page is in {html}.")
        return
    for number, turn in enumerate(summary.turns, 1):
        print_rows(f"{number}. at {turn.start_ms / 1000:.1f} s", _turn(turn))
    cost = [] if price_list is None else [("cost", f"{price_list.cost(summary.usage):.4f}")]
    print_rows("Session", [*_session(summary), *cost])


def _prices(file: IO[bytes] | None) -> Prices | None:
    try:
        return None if file is None else Prices(**load_object(file.read()))
    except (TypeError, DecodeError) as error:
        raise click.UsageError(f"--prices: {error}") from None


def _turn(turn: Turn) -> list[tuple[str, str]]:
    rows = [("user", one_line(turn.user)), ("model", one_line(turn.text))]
    rows += [("tool", f"{one_line(tool.name + tool.arguments)}: {_ms(tool.ms)}") for tool in turn.tools]
    if turn.heard_ms < turn.audio_ms:
        rows.append(("interrupted", f"{turn.heard_ms:.0f} of {turn.audio_ms:.0f} ms were heard"))
    if turn.status != "completed":
        rows.append(("ended", one_line(f"{turn.status} {turn.reason}")))
    steps = f"end of speech {_ms(turn.detection_ms)}, response {_ms(turn.response_ms)}, model {_ms(turn.model_ms)}"
    rows += [("latency", steps), ("tokens", f"{turn.usage.input_tokens} in, {turn.usage.output_tokens} out")]
    return [(label, text) for label, text in rows if text]


def _session(summary: Report) -> list[tuple[str, str]]:
    usage = summary.usage
    tokens = f"{usage.input_tokens} in ({usage.cached_tokens} cached), {usage.output_tokens} out"
    errors = [("error", one_line(f"{at / 1000:.1f} s {code}: {text}")) for at, code, text in summary.errors]
    rows = [("length", f"{summary.duration_ms / 1000:.1f} s"), ("network", _ms(summary.network_ms)), ("tokens", tokens)]
    return [*rows, *errors]


def _ms(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.0f} ms"
