from support.cli import SECOND

from openai_realtime.cli.pauses import Pauses


def test_turns_end_in_a_pause_or_when_they_are_long() -> None:
    loud, quiet = SECOND[:4800], bytes(4800)  # 100 ms
    pauses = Pauses()
    blocks = [loud, quiet] * 73 + [loud] * 10 + [b"", quiet] + [quiet] * 140 + [loud] * 700
    ends = [index for index, block in enumerate(blocks) if pauses.end_turn(block)]
    assert ends == [157, 157 + 140 + 460]
