from support.cli import caption

from openai_realtime.cli.captions import Captions


def test_lines_come_in_the_order_of_the_audio() -> None:
    captions = Captions()
    assert captions.take(caption("delta", "a", delta=" Hello")) == []
    assert captions.waiting == 0  # it is not committed
    for key in "abc":
        assert captions.take(caption("committed", key)) == []
    assert captions.take(caption("completed", "b", transcript="second\n")) == []
    assert (captions.waiting, captions.words) == (2, "Hello second")
    assert captions.take(caption("delta", "a", delta=" there")) == []
    assert captions.take(caption("completed", "a", transcript="Hello there.")) == ["Hello there.", "second"]
    assert captions.take(caption("failed", "c", error={})) == []
    assert (captions.waiting, captions.words, captions.failed, captions.lines) == (0, "", 1, 2)


def test_odd_captions_do_no_harm() -> None:
    captions = Captions()
    captions.take(caption("committed", "a"))
    captions.take(caption("delta", "a", delta=None))
    assert captions.take(caption("completed", "a", transcript=None)) == []
    assert (captions.waiting, captions.lines) == (0, 0)
