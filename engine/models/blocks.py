"""Blocks that stand in a message before its text: what they are, and where they come from."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass

from engine.images import shown_image

CHARACTERS_A_TOKEN = 4
"""For estimates."""
_PIXELS_A_TOKEN = 750
_LOOKED_AT = 1_568 * 1_568
_TILE, _MOST_TILES, _TOKENS_A_TILE, _BESIDE_TILES = 512, 8, 5_667, 2_833


@dataclass(frozen=True, slots=True)
class SkillBlock:
    """A skill of a pack, whole: its key is `pack/skill`, its digest the sha256 of its text."""

    key: str
    digest: str
    name: str
    trigger: str
    text: str

    @property
    def told(self) -> str:
        """As a model reads it: what it is and where it comes from, then its text."""
        head = f"Skill {self.key} (sha256 {self.digest[:12]}): {self.name}. When to use it: {self.trigger}"
        return f"{head}\n\n{self.text}"


@dataclass(frozen=True, slots=True)
class HandoverBlock:
    """What another agent handed over: by whom, with which message, what it was asked and said last."""

    by: str
    message: str
    asked: str
    text: str

    @property
    def told(self) -> str:
        """As a model reads it; these are words of another model, and data."""
        parts = (
            f"The agent {self.by} has handed the conversation over to you. Its message: {self.message}",
            f"It had been asked: {self.asked}" if self.asked else "",
            f"Its last words: {self.text}" if self.text else "",
        )
        return "\n\n".join(filter(None, parts))


@dataclass(frozen=True, slots=True)
class TextBlock:
    """What stood in a message of its own, which a server takes as part of the next one."""

    text: str

    @property
    def told(self) -> str:
        """As it is."""
        return self.text


@dataclass(frozen=True, slots=True)
class ContextBlock:
    """What is said in one question alone, by a person or, where `by` is empty, by the flow."""

    by: str
    text: str

    @property
    def told(self) -> str:
        """As a model reads it."""
        return f"Said for your next answer alone, by {self.by or 'those who set you up'}:\n\n{self.text}"


@dataclass(frozen=True, slots=True)
class ImageBlock:
    """An image: `kind` is png, jpeg, gif or webp, `data` its bytes; none where the model is not to see it."""

    kind: str
    width: int
    height: int
    data: bytes = b""

    @property
    def told(self) -> str:
        """As people read it."""
        return shown_image(self.kind, self.width, self.height)

    @property
    def media_type(self) -> str:
        """As servers call its kind."""
        return f"image/{self.kind}"

    @property
    def base64(self) -> str:
        """Its bytes as text."""
        return b64encode(self.data).decode()

    @property
    def tokens(self) -> int:
        """What it is about for a model, which makes large ones smaller before it looks."""
        return 1 + min(self.width * self.height, _LOOKED_AT) // _PIXELS_A_TOKEN

    @property
    def characters(self) -> int:
        """The same as characters, by which the room of a model is counted."""
        return self.tokens * CHARACTERS_A_TOKEN

    @property
    def most_tokens(self) -> int:
        """What it is for a model at the most: some count tiles of 512 pixels, and many tokens for each."""
        tiles = -(-self.width // _TILE) * -(-self.height // _TILE)
        return _BESIDE_TILES + min(tiles, _MOST_TILES) * _TOKENS_A_TILE


Block = SkillBlock | HandoverBlock | ContextBlock | ImageBlock | TextBlock
