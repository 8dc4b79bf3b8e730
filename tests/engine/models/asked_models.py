"""Models behind loopback servers, and what they answer or how they fail."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from engine.models.asking import ask
from engine.models.catalog import ModelCatalog
from engine.models.conversation import Message, MessageRole, ModelRequest
from engine.models.failure import ModelFailure
from engine.models.settings import ModelSettings, ModelTimeouts, NamedModel, ProviderName
from tests.engine.models.loopback import Answer, Loopback, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.models.conversation import Delta, Reply
    from engine.models.provider import Provider

KEY = "sk-proj-Qm3vX8zLr2TnB5yWk7Hd"
HELLO = ModelRequest((Message(MessageRole.USER, "hello"),))
PATIENT = ModelTimeouts(connect=60, first_token=60, between_tokens=60, total=60)


@asynccontextmanager
async def provider_at(
    url: str,
    provider: ProviderName,
    *,
    key: str | None = KEY,
    timeouts: ModelTimeouts = PATIENT,
    **fields: Any,
) -> AsyncIterator[Provider]:
    named = NamedModel(provider=provider, model="m-1", base_url=url, api_key="k", timeouts=timeouts, **fields)
    settings = ModelSettings(named={"one": named})
    catalog = ModelCatalog(settings, {"k": key} if key is not None else {})
    try:
        yield catalog.provider("one")
    finally:
        await catalog.connections.close()


async def reply_to(
    answer: Answer, provider: ProviderName, request: ModelRequest = HELLO, **fields: Any
) -> tuple[Reply, list[Delta], Loopback]:
    deltas: list[Delta] = []
    async with serving(answer) as loopback, provider_at(loopback.url, provider, **fields) as model:
        reply = await ask(model, request, deltas.append)
    return reply, deltas, loopback


async def failure_of(
    answer: Answer, provider: ProviderName = ProviderName.OPENAI, *, timeouts: ModelTimeouts = PATIENT
) -> ModelFailure:
    async with (
        serving(answer) as loopback,
        provider_at(loopback.url, provider, timeouts=timeouts) as model,
    ):
        with pytest.raises(ModelFailure) as caught:
            await ask(model, HELLO)
    assert KEY not in f"{caught.value} {caught.value.details()}"
    return caught.value
