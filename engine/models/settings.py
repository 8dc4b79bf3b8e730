"""What an operator says about models: each by a name, where it is, which secret opens it, its times."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

SCRIPTED = "scripted"
"""The model that is always there: its answers are written down, nobody is asked."""
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


class ProviderName(StrEnum):
    """The wire formats there are; `openai` is that of every compatible server."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    OLLAMA = "ollama"
    SCRIPTED = "scripted"


class Purpose(StrEnum):
    """What a model is asked for."""

    INSIGHT = "INSIGHT"
    PRIORITIZATION = "PRIORITIZATION"
    EXPLANATION = "EXPLANATION"
    UNCERTAINTY = "UNCERTAINTY"


DEFAULT_URLS = {
    ProviderName.OPENAI: "https://api.openai.com/v1",
    ProviderName.ANTHROPIC: "https://api.anthropic.com",
    ProviderName.OLLAMA: "http://localhost:11434",
}
DEFAULT_KEYS = {ProviderName.OPENAI: "openai_api_key", ProviderName.ANTHROPIC: "anthropic_api_key"}
"""Names of the secrets that open a provider whose settings name none."""


def _base_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
        parts = urlsplit("")
    if not usable or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("must be an http or https URL")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("may hold no user name, password, query or fragment; the key is a secret")
    return text.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(_base_url)]
ModelName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.-]*$", max_length=60)]
KeyName = Annotated[str, StringConstraints(pattern=r"^([a-z][a-z0-9_]*)?$", max_length=100)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class ModelTimeouts(_Group):
    """How long each phase of a call may take, seconds."""

    connect: Seconds = 10.0
    first_token: Seconds = 120.0
    between_tokens: Seconds = 60.0
    total: Seconds = 600.0


class NamedModel(_Group):
    """One model. `api_key` names a secret; empty on purpose is a server without keys."""

    provider: ProviderName
    model: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    base_url: BaseUrl | None = None
    api_key: KeyName | None = None
    max_tokens: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    timeouts: ModelTimeouts = ModelTimeouts()

    @model_validator(mode="after")
    def _key_is_not_sent_in_the_clear(self) -> NamedModel:
        url = urlsplit(self.url)
        if self.key_name and url.scheme == "http" and url.hostname not in _LOCAL:
            raise ValueError(
                "a key is sent over https, or http on this machine; `api_key: ''` is a server without keys"
            )
        return self

    @property
    def url(self) -> str:
        """Where it is; empty for one that is nowhere."""
        return self.base_url or DEFAULT_URLS.get(self.provider, "")

    @property
    def key_name(self) -> str:
        """The secret that opens it; empty for none."""
        return DEFAULT_KEYS.get(self.provider, "") if self.api_key is None else self.api_key


class ModelSettings(_Group):
    """All models by name, which one is asked where nothing else is said, and which for a purpose."""

    default: ModelName = SCRIPTED
    by_purpose: dict[Purpose, ModelName] = Field(default_factory=dict)
    named: dict[ModelName, NamedModel] = Field(default_factory=dict)

    @property
    def all(self) -> dict[str, NamedModel]:
        """The named ones, and the scripted one unless its name is taken."""
        own = NamedModel(provider=ProviderName.SCRIPTED, model=SCRIPTED)
        return {SCRIPTED: own, **self.named}
