"""Recorded sessions give the conversation that was held in them: three of the emulator, and more if they are here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from openai_realtime.conversation import Conversation
from openai_realtime.recording import feed

OURS = Path(__file__).parents[1] / "data"
TRACES = sorted([*OURS.glob("*.jsonl"), *(Path(__file__).parents[3] / "shared" / "traces").glob("*_ws*.jsonl")])


@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.stem)
def test_a_recorded_session_gives_its_conversation(path: Path) -> None:
    conversation = Conversation()
    feed(path, conversation, dialect="beta" if "voice-live" in path.stem else "realtime")
    captions = conversation.captions
    assert captions[-1].role == "assistant"
    assert all(caption.final and caption.text for caption in captions)
    assert conversation.take_captions() == captions
    assert [one.status for one in conversation.responses.values()] == ["completed"] * len(conversation.responses)
    assert conversation.active_response is None
    kinds = [item.type for item in conversation.items]
    assert kinds.count("function_call") == kinds.count("function_call_output")
    assert len(conversation.to_items()) == len(conversation.items)
    assert Conversation.from_json(json.loads(json.dumps(conversation.to_json()))).captions == captions
