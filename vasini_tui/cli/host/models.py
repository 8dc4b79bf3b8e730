"""`vasini models` and `vasini model try`: which models there are, and whether one answers."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from engine.errors import Unavailable
from vasini_tui.cli.arguments.options import ActAs, AsJson
from vasini_tui.cli.call import Invocation
from vasini_tui.exit_codes import ExitCode, ModelError, UsageError

if TYPE_CHECKING:
    from engine.facade.engine import WorkerView
    from engine.models.catalog import ModelCatalog
    from engine.models.conversation import Delta, Reply
    from engine.models.routing import Asker
    from vasini_tui.output import Output
    from vasini_tui.wiring import Session


def models(
    pack: Annotated[
        str | None, typer.Option("--pack", metavar="PACK", help="Which ones its agents ask, and why.")
    ] = None,
    tenant: Annotated[
        str | None, typer.Option("--for", metavar="TENANT", help="The same for runs of a tenant.")
    ] = None,
    as_json: AsJson = False,
    act_as: ActAs = None,
) -> Invocation:
    """List the models that the settings name. With a pack: those that its agents ask."""
    if tenant is not None and pack is None:
        raise UsageError("--for is for --pack")
    if pack is not None:
        return Invocation(partial(_routed, pack=pack, tenant=tenant), as_json, act_as)
    return Invocation(_models, as_json, act_as)


def try_out(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A model, or a purpose.")],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to say to it.")],
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", metavar="N", min=1, help="A bound of the answer.")
    ] = None,
    as_json: AsJson = False,
    act_as: ActAs = None,
) -> Invocation:
    """Ask one model, and write its answer as it comes."""
    return Invocation(partial(_try, name=name, text=text, max_tokens=max_tokens), as_json, act_as)


async def _models(session: Session) -> int:
    known = list(_catalog(session).known(_asker(session)))
    workers: list[WorkerView] = []
    try:
        async with session.engine() as engine:
            workers = [one for one in await engine.workers() if one.alive]
    except Unavailable as error:
        session.out.note(f"which of them workers leave alone is not known: {error.message}")
    resting: dict[str, list[float]] = {}
    for worker in workers:
        for one in worker.resting:
            resting.setdefault(one.name, []).append(one.seconds)
    if session.out.as_json:
        told = [{**asdict(one), "resting": resting.get(one.name, [])} for one in known]
        session.out.document({"models": told})
    else:
        rows = (
            (
                one.name,
                one.provider,
                one.model,
                one.url,
                one.key,
                (*one.serves, *(["refused"] if one.refused else [])),
            )
            for one in known
        )
        session.out.table(("NAME", "PROVIDER", "MODEL", "URL", "KEY", "SERVES"), rows)
        for name, seconds in sorted(resting.items()):
            of = f"{len(seconds)} of the workers ({len(workers)})"
            then = f"for {max(seconds):.0f} s more" if max(seconds) else "until its next call answers"
            session.out.note(f"{name} failed too often: {of} leave it alone {then} (models.breaker)")
    return ExitCode.OK


async def _routed(session: Session, *, pack: str, tenant: str | None) -> int:
    from engine.models.failure import ModelFailure  # noqa: PLC0415 - no other command needs it here

    async with session.engine() as engine:
        wanted = (await engine.packs.get(pack)).view.llm
    try:
        found = _catalog(session).router.candidates(_asker(session, pack, wanted, tenant))
    except ModelFailure as failure:
        raise ModelError(failure.message, failure.details()) from None
    if session.out.as_json:
        session.out.document({"pack": pack, "models": [asdict(one) for one in found]})
    else:
        session.out.table(("NAME", "WHY"), ((one.name, one.why) for one in found))
    return ExitCode.OK


async def _try(session: Session, *, name: str, text: str, max_tokens: int | None) -> int:
    from engine.models.asking import ask  # noqa: PLC0415 - no other command needs it here
    from engine.models.conversation import Message, MessageRole, ModelRequest  # noqa: PLC0415
    from engine.models.failure import ModelFailure  # noqa: PLC0415

    if not text.strip():
        raise UsageError("TEXT says nothing")
    catalog, out, found = _catalog(session), session.out, name
    try:
        found = catalog.name_of(name, _asker(session))
        bounds = (max_tokens or catalog.max_tokens(found), session.loaded.values.policies.model_max_tokens)
        bound = min((one for one in bounds if one is not None), default=None)
        request = ModelRequest((Message(MessageRole.USER, text),), max_tokens=bound)
        reply = await ask(catalog.provider(found), request, partial(_show, out))
    except ModelFailure as failure:
        raise ModelError(f"{found}: {failure.message}", failure.details()) from None
    finally:
        await catalog.connections.close()
    if out.as_json:
        told = asdict(reply)
        del told["carried"]  # for its server alone
        out.document({"name": found, **told})
    else:
        out.line("")
        out.note(_summary(found, reply))
    return ExitCode.OK


def _asker(
    session: Session, pack: str | None = None, of_pack: str | None = None, tenant: str | None = None
) -> Asker:
    """Who asks, with what the policies let them: those of the pack, where one is named."""
    from engine.models.routing import Asker  # noqa: PLC0415 - no other command needs it here

    policies = session.loaded.values.policies
    policies = policies if pack is None else policies.for_pack(pack)
    return Asker(None, pack, of_pack, tenant, *policies.model_lists)


def _catalog(session: Session) -> ModelCatalog:
    from engine.models.catalog import ModelCatalog  # noqa: PLC0415 - no other command needs it here

    values = session.loaded.values
    secrets = {name: secret.get_secret_value() for name, secret in values.secrets.items()}
    return ModelCatalog(values.models, secrets)


def _show(out: Output, delta: Delta) -> None:
    from engine.models.conversation import TextDelta  # noqa: PLC0415 - as above

    if isinstance(delta, TextDelta) and not out.as_json:
        out.piece(delta.text)


def _summary(name: str, reply: Reply) -> str:
    usage = reply.usage
    about = " (estimated)" if usage.estimated else ""
    parts = [
        f"{name}: {reply.model}, ended with {reply.finish}",
        f"{usage.input_tokens} tokens in, {usage.output_tokens} out{about}",
        *([f"request {reply.request_id}"] if reply.request_id else []),
    ]
    return "; ".join(parts)
