"""Stored prompts and the values of their variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from attrs import frozen

from .base import UNSET, Maybe, Model, UnknownObject

__all__ = ["InputFileContent", "InputImageContent", "InputTextContent", "Prompt", "PromptCacheBreakpoint"]


@frozen(kw_only=True, repr=False, eq=False)
class PromptCacheBreakpoint(Model):
    """Marks the end of a reusable prompt prefix."""

    mode: Literal["explicit"] = "explicit"
    ttl: Maybe[Literal["30m", "12h"]] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class InputTextContent(Model):
    """A text that stands for a prompt variable."""

    type: Literal["input_text"] = "input_text"
    text: str
    prompt_cache_breakpoint: Maybe[PromptCacheBreakpoint] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class InputImageContent(Model):
    """An image that stands for a prompt variable: by URL or by file id."""

    type: Literal["input_image"] = "input_image"
    detail: Literal["low", "high", "auto", "original"]
    image_url: Maybe[str | None] = UNSET
    file_id: Maybe[str | None] = UNSET
    prompt_cache_breakpoint: Maybe[PromptCacheBreakpoint] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class InputFileContent(Model):
    """A file that stands for a prompt variable: by id, by URL, or `file_data` in base64."""

    type: Literal["input_file"] = "input_file"
    file_id: Maybe[str | None] = UNSET
    filename: Maybe[str] = UNSET
    file_data: Maybe[str] = UNSET
    file_url: Maybe[str] = UNSET
    detail: Maybe[Literal["auto", "low", "high"]] = UNSET
    prompt_cache_breakpoint: Maybe[PromptCacheBreakpoint] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class Prompt(Model):
    """A stored prompt, with values for its variables."""

    id: str
    version: Maybe[str | None] = UNSET
    variables: Maybe[
        Mapping[str, str | InputTextContent | InputImageContent | InputFileContent | UnknownObject] | None
    ] = UNSET
