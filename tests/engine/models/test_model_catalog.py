"""Models by name and by purpose, their keys by reference, and the scripted one that is always there."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from engine.errors import InvalidInput, NotFound
from engine.models.asking import ask
from engine.models.catalog import ModelCatalog
from engine.models.conversation import FinishReason, Message, MessageRole, ModelRequest, ToolCall
from engine.models.scripted import ScriptedModel, ScriptedReply
from engine.models.settings import ModelSettings, NamedModel, ProviderName
from engine.models.wire.openai_chat import OpenAiChat

SETTINGS = ModelSettings.model_validate(
    {
        "default": "small",
        "by_purpose": {"INSIGHT": "large"},
        "named": {
            "small": {"provider": "ollama", "model": "s"},
            "large": {"provider": "anthropic", "model": "l", "api_key": "theirs"},
            "other": {"provider": "openai", "model": "o"},
        },
    }
)


def test_without_settings_there_is_the_scripted_model_alone() -> None:
    catalog = ModelCatalog(ModelSettings(), {})
    assert [(one.name, one.provider, one.key, one.serves) for one in catalog.known()] == [
        ("scripted", "scripted", "none", ("default",))
    ]


def test_models_are_listed_with_the_state_of_their_keys_and_never_the_keys() -> None:
    catalog = ModelCatalog(SETTINGS, {"theirs": "a-long-secret-value"})
    assert [(one.name, one.key, one.key_name, one.serves) for one in catalog.known()] == [
        ("small", "none", "", ("default",)),
        ("large", "set", "theirs", ("INSIGHT",)),
        ("other", "missing", "openai_api_key", ()),
        ("scripted", "none", "", ()),
    ]
    assert "a-long-secret-value" not in repr(list(catalog.known()))


@pytest.mark.parametrize(
    ("organization", "told"),
    [
        ("org-42\n", "org-42"),
        (" ", None),
        ("PUT_YOURS_HERE", None),
        ("a-placeholder", None),
        ("your_org", None),
        ("<ORG_ID>", None),
    ],
)
def test_a_server_is_told_the_organization_that_pays_and_no_words_of_an_example(
    organization: str, told: str | None
) -> None:
    wire = OpenAiChat(str, organization=organization)
    assert wire.headers("k").get("openai-organization") == told


def test_only_openai_itself_is_told_an_organization_that_no_setting_names() -> None:
    own = {"provider": "openai", "model": "m"}
    elsewhere = {**own, "base_url": "https://models.example.com/v1"}
    names = [
        NamedModel.model_validate(one).org_name
        for one in (own, elsewhere, {**elsewhere, "org_id": "theirs"}, {**own, "org_id": ""})
    ]
    assert names == ["openai_org_id", "", "theirs", ""]
    with pytest.raises(ValidationError, match="of the provider openai"):
        NamedModel.model_validate({"provider": "ollama", "model": "m", "org_id": "theirs"})


def test_a_purpose_leads_to_its_model_or_to_the_default_one() -> None:
    catalog = ModelCatalog(SETTINGS, {})
    assert [catalog.name_of(one) for one in ("INSIGHT", "EXPLANATION", None, "other")] == [
        "large",
        "small",
        "small",
        "other",
    ]


def test_a_name_that_no_model_has_is_told_with_those_there_are() -> None:
    with pytest.raises(NotFound, match="there are large, other, scripted, small"):
        ModelCatalog(SETTINGS, {}).provider("smal")
    with pytest.raises(InvalidInput, match="'gone'"):
        ModelCatalog(ModelSettings(default="gone"), {}).name_of(None)


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ({"base_url": "ftp://x"}, "http or https"),
        ({"base_url": "https://user:pw@x/"}, "the key is a secret"),
        ({"base_url": "https://x/?key=1"}, "the key is a secret"),
        ({"base_url": "http://models.example"}, "over https"),
        ({"base_url": "https://[x"}, "http or https"),
        ({"provider": "other"}, "openai"),
        ({"timeouts": {"total": 0}}, "greater than 0"),
        ({"api_key": "sk-Not A Name"}, "pattern"),
    ],
)
def test_settings_of_a_model_that_cannot_be_are_refused(named: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        NamedModel.model_validate({"provider": "openai", "model": "m", **named})


def test_a_server_without_keys_may_be_anywhere() -> None:
    named = NamedModel.model_validate(
        {"provider": "openai", "model": "m", "base_url": "http://gpu.lan:8000/v1/", "api_key": ""}
    )
    assert (named.url, named.key_name) == ("http://gpu.lan:8000/v1", "")


def test_a_format_that_takes_no_schema_is_told_none() -> None:
    with pytest.raises(ValueError, match="of the providers openai and ollama"):
        NamedModel(provider=ProviderName.ANTHROPIC, model="m", structured=True)


async def test_the_scripted_model_says_that_it_is_one() -> None:
    request = ModelRequest((Message(MessageRole.USER, "hello there"),))
    reply = await ask(ModelCatalog(ModelSettings(), {}).provider("scripted"), request)
    assert reply.text == "This answer is scripted, no model was asked. You wrote: hello there"
    assert (reply.provider, reply.model, reply.usage.estimated) == ("scripted", "scripted", True)


async def test_a_scripted_model_says_what_is_written_down_however_often_it_is_asked() -> None:
    call = ToolCall("c0", "files.read", "{}")
    model = ScriptedModel(ScriptedReply("one", (call,)))
    first = ModelRequest((Message(MessageRole.USER, "go"),))
    for _ in range(2):
        reply = await ask(model, first)
        assert (reply.text, reply.calls, reply.finish) == ("one", (call,), FinishReason.TOOL_CALLS)
