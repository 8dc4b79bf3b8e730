"""What an operator says about models: each by a name, where it is, which secret opens it, its times."""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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
_ORGANIZATION = "openai_org_id"


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
    org_id: KeyName | None = None
    """Names the secret with the organization that pays; only OpenAI itself is told one unasked."""
    max_tokens: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    context_tokens: Annotated[int, Field(ge=1_000, le=100_000_000)] = 100_000
    """What it is told at the most, its answer aside; counted as so many times four characters."""
    images: bool = False
    """Whether it is shown images; else it is told what they are."""
    structured: bool = False
    """Whether its server is told the schema of an answer, too; not every one takes it."""
    temperature: bool = True
    """Whether it is told a temperature; some models refuse any."""
    timeouts: ModelTimeouts = ModelTimeouts()

    @model_validator(mode="after")
    def _key_is_not_sent_in_the_clear(self) -> NamedModel:
        url = urlsplit(self.url)
        if self.key_name and url.scheme == "http" and url.hostname not in _LOCAL:
            raise ValueError(
                "a key is sent over https, or http on this machine; `api_key: ''` is a server without keys"
            )
        return self

    @model_validator(mode="after")
    def _its_format_takes_a_schema(self) -> NamedModel:
        if self.structured and self.provider not in {ProviderName.OPENAI, ProviderName.OLLAMA}:
            raise ValueError("`structured` is of the providers openai and ollama")
        return self

    @model_validator(mode="after")
    def _organization_is_of_one_format(self) -> NamedModel:
        if self.org_id is not None and self.provider is not ProviderName.OPENAI:
            raise ValueError("`org_id` is of the provider openai")
        return self

    @property
    def url(self) -> str:
        """Where it is; empty for one that is nowhere."""
        return self.base_url or DEFAULT_URLS.get(self.provider, "")

    @property
    def key_name(self) -> str:
        """The secret that opens it; empty for none."""
        return DEFAULT_KEYS.get(self.provider, "") if self.api_key is None else self.api_key

    @property
    def org_name(self) -> str:
        """The secret with its organization; empty for none."""
        own = self.provider is ProviderName.OPENAI and self.url == DEFAULT_URLS[ProviderName.OPENAI]
        return (_ORGANIZATION if own else "") if self.org_id is None else self.org_id


class BreakerSettings(_Group):
    """After so many failures in a row within `window` seconds a model is left alone for so many `seconds`."""

    failures: Annotated[int, Field(ge=1, le=1_000)] = 5
    window: Seconds = 60.0
    seconds: Seconds = 120.0


class ModelSettings(_Group):
    """All models by name, and which one is asked: a name is that of a model or of a tier."""

    default: ModelName = SCRIPTED
    by_purpose: dict[Purpose, ModelName] = Field(default_factory=dict)
    by_pack: dict[str, ModelName] = Field(default_factory=dict)
    tiers: dict[ModelName, ModelName] = Field(default_factory=dict)
    fallback: tuple[ModelName, ...] = ()
    """Tiers in their order: when a model of one fails, those behind it are asked."""
    allow: tuple[ModelName, ...] | None = None
    deny: tuple[ModelName, ...] = ()
    tenant_tiers: dict[str, tuple[ModelName, ...]] = Field(default_factory=dict)
    """Tenants that may only ask the models of these tiers."""
    breaker: BreakerSettings = BreakerSettings()
    named: dict[ModelName, NamedModel] = Field(default_factory=dict)

    @cached_property
    def all(self) -> dict[str, NamedModel]:
        """The named ones, and the scripted one unless its name is taken."""
        own = NamedModel(provider=ProviderName.SCRIPTED, model=SCRIPTED)
        return {SCRIPTED: own, **self.named}

    def faults(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Names that nothing has, by their place below `models`."""
        either = [*self.all, *self.tiers]
        wanted: dict[tuple[str, ...], str] = {("default",): self.default}
        wanted |= {("by_purpose", purpose.value): name for purpose, name in self.by_purpose.items()}
        wanted |= {("by_pack", pack): name for pack, name in self.by_pack.items()}
        for key, name in wanted.items():
            if name not in either:
                words = "there is no model or tier" if self.tiers else "there is no model"
                yield key, f"{words} {name!r} below models.named; there are {', '.join(sorted(either))}"
        for tier, name in self.tiers.items():
            if name not in self.all:
                yield ("tiers", tier), f"the tier {tier} names no model of models.named: {name!r}"
            if tier in self.all:
                yield ("tiers", tier), f"{tier} is the name of a model, too"
        yield from _unknown(("fallback",), self.fallback, self.tiers)
        for tenant, tiers in self.tenant_tiers.items():
            yield from _unknown(("tenant_tiers", tenant), tiers, self.tiers)
        yield from _unknown(("allow",), self.allow or (), self.all)
        yield from _unknown(("deny",), self.deny, self.all)


def _unknown(
    key: tuple[str, ...], names: Iterable[str], known: Iterable[str]
) -> Iterator[tuple[tuple[str, ...], str]]:
    known = sorted(known)
    for name in names:
        if name not in known:
            yield key, f"there is no {name!r}; there are {', '.join(known) or 'none'}"
