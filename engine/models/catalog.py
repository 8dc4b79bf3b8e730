"""Which models there are, as the settings name them, and who answers for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.frozen import replace
from engine.governance.masking import Masker
from engine.models.blocks import CHARACTERS_A_TOKEN
from engine.models.provider import HttpProvider
from engine.models.routing import ANYBODY, Asker, ModelRouter
from engine.models.scripted import ScriptedModel
from engine.models.settings import ProviderName
from engine.models.wire.anthropic_messages import AnthropicMessages
from engine.models.wire.connections import Connections
from engine.models.wire.ollama_chat import OllamaChat
from engine.models.wire.openai_chat import OpenAiChat, dialect_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine.models.provider import Provider
    from engine.models.scripted import ScriptedReply
    from engine.models.settings import ModelSettings, NamedModel
    from engine.models.wire.server_errors import Hide
    from engine.models.wire.wire_format import WireFormat

_HIDDEN = "[SECRET api-key]"


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model as it is listed. `key` is `set`, `missing` or `none`, `serves` what it is asked for, `refused`
    why nobody may ask it.
    """

    name: str
    provider: str
    model: str
    url: str
    key: str
    key_name: str
    serves: tuple[str, ...]
    refused: str = ""


class ModelCatalog:
    """The models of one installation. `secrets` are looked up when a model is asked, and never shown.

    Close its `connections` when no more models are asked.
    """

    def __init__(
        self, settings: ModelSettings, secrets: Mapping[str, str], connections: Connections | None = None
    ) -> None:
        self._settings = settings
        self._secrets = secrets
        self._masker = Masker()
        self.router = ModelRouter(settings)
        self._found: dict[str, NamedModel] = {}
        self.connections = connections or Connections()

    def known(self, asker: Asker = ANYBODY) -> Iterator[KnownModel]:
        """All of them, the default one first; refused is what the asker may not ask."""
        default = self._of_tier(self._settings.default)
        for name, named in sorted(self._settings.all.items(), key=lambda item: (item[0] != default, item[0])):
            yield KnownModel(
                name=name,
                provider=named.provider.value,
                model=named.model,
                url=named.url,
                key=_key_state(named, self._key(named)),
                key_name=named.key_name,
                serves=tuple(self._serves(name)),
                refused=str(self.router.refusal(name, asker) or ""),
            )

    def _of_tier(self, name: str) -> str:
        return self._settings.tiers.get(name, name)

    def _serves(self, name: str) -> Iterator[str]:
        settings = self._settings
        if self._of_tier(settings.default) == name:
            yield "default"
        yield from sorted(one.value for one, to in settings.by_purpose.items() if self._of_tier(to) == name)
        yield from sorted(tier for tier, to in settings.tiers.items() if to == name)
        yield from sorted(
            f"pack {pack}" for pack, to in settings.by_pack.items() if self._of_tier(to) == name
        )

    def name_of(self, wanted: str | None, asker: Asker = ANYBODY) -> str:
        """The model of that name, of that tier, or the one for the purpose; without any the default one.

        Raises NotFound for a name that nothing has, InvalidInput for one that leads nowhere, ModelFailure
        (`denied`) for one that the asker may not ask.
        """
        return self.router.candidates(replace(asker, wanted=wanted))[0].name

    def _named(self, name: str) -> NamedModel:
        """What is said of the model of that name, or of what a tier leads to. Raises as `name_of`."""
        found = self._found.get(name)
        if found is None:
            known = self._settings.all
            if name not in known or self.router.refusal(name) is not None:
                found = known[self.name_of(name)]
            else:
                found = known[name]
            self._found[name] = found
        return found

    def max_tokens(self, name: str) -> int | None:
        """The bound of an answer of that model; None where the settings have none. Raises as `name_of`."""
        return self._named(name).max_tokens

    def takes_images(self, name: str) -> bool:
        """Whether that model is shown images; else it is told what they are. Raises as `name_of`."""
        return self._named(name).images

    def offers_images(self, name: str) -> bool:
        """Whether that model is offered tools that only show images; the scripted one calls what is written
        down for another. Raises as `name_of`."""
        named = self._named(name)
        return named.images or named.provider is ProviderName.SCRIPTED

    def takes_schema(self, name: str) -> bool:
        """Whether the server of that model is told the schema of an answer, too. Raises as `name_of`."""
        return self._named(name).structured

    def context_characters(self, name: str) -> int:
        """So much that model is told at the most. Raises as `name_of`."""
        return self._named(name).context_tokens * CHARACTERS_A_TOKEN

    def longest_seconds(self, name: str) -> float:
        """How long a call of that model may take at the most. Raises as `name_of`."""
        return self._named(name).timeouts.total

    def provider(self, name: str, script: ScriptedReply | None = None) -> Provider:
        """Who answers for the model of that name; a scripted one says `script`. Raises as `name_of`."""
        named = self._named(name)
        if named.provider is ProviderName.SCRIPTED:
            return ScriptedModel(script)
        key = self._key(named)
        hide = self._hide(key)
        wire = _format(named, hide, self._secrets.get(named.org_name, ""))
        return HttpProvider(named, wire, key, hide, self.connections)

    def _key(self, named: NamedModel) -> str | None:
        """The key; empty for a server without keys, None where it is missing."""
        if not named.key_name:
            return ""
        key = self._secrets.get(named.key_name)
        return None if key is None else key.strip()  # of the line end of a file

    def _hide(self, key: str | None) -> Hide:
        def hidden(text: str) -> str:
            plain = text.replace(key, _HIDDEN) if key else text
            masked: str = self._masker.mask(plain)
            return masked

        return hidden


def _format(named: NamedModel, hide: Hide, organization: str) -> WireFormat:
    """Ollama is told how much it has to read where somebody said so: it takes the memory for it at once."""
    match named.provider:
        case ProviderName.OLLAMA:
            said = "context_tokens" in named.model_fields_set
            return OllamaChat(hide, named.context_tokens if said else None)
        case ProviderName.OPENAI:
            return OpenAiChat(hide, dialect_of(named.url, named.model), organization)
        case ProviderName.ANTHROPIC:
            return AnthropicMessages(hide)
        case ProviderName.SCRIPTED:
            raise TypeError(f"{named.model} is scripted: nobody is asked")


def _key_state(named: NamedModel, key: str | None) -> str:
    if not named.key_name:
        return "none"
    return "set" if key else "missing"
