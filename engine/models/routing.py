"""Which model is asked, why, and which one when it fails: names, tiers, lists, a breaker for each."""

from __future__ import annotations

import time
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.errors import InvalidInput, NotFound
from engine.frozen import frozen
from engine.governance.pipeline import Reason
from engine.models.failure import ModelErrorCode, ModelFailure, ModelRefused
from engine.models.settings import Purpose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from engine.models.settings import ModelSettings

_STEP = "the step names"
_BY_DEFAULT = "by default"
HELD_ASKERS = 1_000
"""The same ones ask turn after turn, and settings change with the router."""


@frozen
class Asker:
    """Who wants to ask a model. `wanted` is a model, a tier or a purpose, as its step says;
    `of_pack` a model or a tier, as its pack says; `allowed` and `blocked` are models, as policies say: no
    allowed ones are all of them."""

    wanted: str | None = None
    pack: str | None = None
    of_pack: str | None = None
    tenant: str | None = None
    allowed: frozenset[str] = frozenset()
    blocked: frozenset[str] = frozenset()


ANYBODY = Asker()


@frozen
class Refusal:
    """Why a model may not be asked, and the setting that says so; as a text it is for a person."""

    reason: Reason
    rule: str
    words: str = ""

    def __str__(self) -> str:
        """In words."""
        return (
            self.words
            or f"{self.rule} {'names' if self.reason is Reason.MODEL_BLOCKED else 'does not name'} it"
        )


@frozen
class Candidate:
    """A model that may be asked, and why."""

    name: str
    why: str


@frozen
class Route:
    """The model that is asked now, and why; `tried_until` where this call is the one that tries it."""

    name: str
    why: str
    tried_until: float = 0.0


@dataclass(slots=True)
class _State:
    failed_at: deque[float]
    """The newest ones."""
    rests: bool = False
    open_until: float = 0.0


@dataclass(slots=True)
class Breaker:
    """Remembers models that failed so many times in a row within `window` seconds: for `seconds` after the
    last of them nobody asks them. And those whose servers asked to wait. Of this process only."""

    failures: int
    window: float
    seconds: float
    now: Callable[[], float] = time.monotonic
    _states: dict[str, _State] = field(default_factory=dict)
    _waits: dict[str, float] = field(default_factory=dict)

    def asked_to_wait(self, name: str, seconds: float) -> None:
        """Its server wants no question for so long; what it said before to another run may last longer."""
        self._waits[name] = max(self._waits.get(name, 0.0), self.now() + seconds)

    def waits(self, name: str) -> float:
        """Seconds for which its server wants no question; 0 for one that said nothing, or that is over."""
        return max(0.0, self._waits.get(name, 0.0) - self.now()) if name in self._waits else 0.0

    def closed_in(self, name: str) -> float:
        """Seconds until the model may be asked; 0 when it may be now."""
        state = self._states.get(name)
        return max(0.0, state.open_until - self.now()) if state is not None else 0.0

    def resting(self) -> dict[str, float]:
        """Models that failed too often and have not answered since: seconds until each is tried again."""
        return {name: self.closed_in(name) for name, state in self._states.items() if state.rests}

    def tries(self, name: str) -> float:
        """A call is about to ask it. After a rest that is the one which tries it: until it is known what came
        of that, a rest at the most, it is left alone by others. The end of that; 0 without a rest."""
        state = self._states.get(name)
        if state is None or not state.rests:
            return 0.0
        state.open_until = self.now() + self.seconds
        return state.open_until

    def give_back(self, name: str, tried_until: float) -> None:
        """The call that was to try it did not ask it: another one may, unless it rests for something else."""
        state = self._states.get(name)
        if state is not None and tried_until and state.open_until == tried_until:
            state.open_until = self.now()

    def succeeded(self, name: str) -> None:
        """It answered."""
        self._states.pop(name, None)
        self._waits.pop(name, None)

    def failed(self, name: str) -> None:
        """It did not answer, though it might. After its rest a single further failure opens it again."""
        state, now = self._states.get(name), self.now()
        if state is None:
            state = self._states[name] = _State(deque(maxlen=self.failures))
        state.failed_at.append(now)
        in_window = now - state.failed_at[0] <= self.window
        if state.rests or (len(state.failed_at) == self.failures and in_window):
            state.rests, state.open_until = True, now + self.seconds


class ModelRouter:
    """Chooses models as the settings say. Every process has breakers of its own."""

    def __init__(self, settings: ModelSettings, now: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self.breaker = Breaker(**settings.breaker.model_dump(), now=now)
        self._known: dict[Asker, tuple[Candidate, ...]] = {}

    def route(self, asker: Asker, tried: Sequence[str] = ()) -> Route:
        """The model for an attempt that is about to ask it: the next one of those that were not `tried` yet,
        else the one whose try is the longest ago, so that every attempt is on record by itself. One whose
        server asked to wait comes last.

        Raises NotFound, InvalidInput for a name that leads nowhere; ModelFailure (`denied`, `circuit_open`).
        """
        last = {name: place for place, name in enumerate(tried)}
        waits = {one.name: self.breaker.waits(one.name) for one in self.candidates(asker)}
        order = sorted(self.candidates(asker), key=lambda one: (waits[one.name], last.get(one.name, -1)))
        ready = [one for one in order if not self.breaker.closed_in(one.name)]
        if not ready:
            rest = min(self.breaker.closed_in(one.name) for one in order)
            names = ", ".join(one.name for one in order)
            message = f"no model is asked for {rest:.0f} s more, they failed too often: {names}"
            raise ModelFailure(ModelErrorCode.CIRCUIT_OPEN, message, retry_after=rest)
        tried_until = self.breaker.tries(ready[0].name)
        passed = [one.name for one in order[: order.index(ready[0])]]
        why = ready[0].why + (f"; not asked, failed too often: {', '.join(passed)}" if passed else "")
        known = {*passed, *tried, ready[0].name}
        later = [name for name, seconds in waits.items() if seconds and name not in known]
        why += f"; not asked, asked to wait: {', '.join(later)}" if later else ""
        return Route(ready[0].name, why, tried_until)

    @contextmanager
    def until_asked(self, route: Route) -> Iterator[None]:
        """Around what comes before the question: where that raises the model was not asked, and the try that
        it was is another call's."""
        raised = True
        try:
            yield
            raised = False
        finally:
            if raised:
                self.breaker.give_back(route.name, route.tried_until)

    def soonest(self, asker: Asker) -> float | None:
        """Seconds until one of several models may be asked, as their servers and failures say; None: there
        is one alone."""
        breaker, candidates = self.breaker, self.candidates(asker)
        if len(candidates) == 1:
            return None
        return min(max(breaker.waits(one.name), breaker.closed_in(one.name)) for one in candidates)

    def below(self, name: str, asker: Asker) -> str | None:
        """The model of the next lower tier (`models.fallback`) that the asker may ask and that does not
        rest; None where the model is in no tier there, or in the last one."""
        settings = self._settings
        models = [settings.tiers[tier] for tier in settings.fallback]
        behind = models[models.index(name) + 1 :] if name in models else []
        return next(
            (
                one
                for one in behind
                if one != name and self.refusal(one, asker) is None and not self.breaker.closed_in(one)
            ),
            None,
        )

    def candidates(self, asker: Asker) -> tuple[Candidate, ...]:
        """All models that may be asked, in their order. Raises as `route`."""
        found = self._known.get(asker)
        if found is None:
            if len(self._known) >= HELD_ASKERS:
                self._known.clear()
            found = self._known[asker] = self._candidates(asker)
        return found

    def _candidates(self, asker: Asker) -> tuple[Candidate, ...]:
        named, source = self._chosen(asker)
        chain = list(self._chain(named, source))
        allowed = [one for one in chain if self.refusal(one.name, asker) is None]
        if not allowed:
            refused = [(one.name, self.refusal(one.name, asker)) for one in chain]
            words = "; ".join(f"{name}: {why}" for name, why in refused)
            first, why = refused[0]
            assert why is not None, first
            message = f"no model may be asked ({source}): {words}"
            raise ModelRefused(message, first, why.reason.value, why.rule)
        return tuple(allowed)

    def refusal(self, name: str, asker: Asker = ANYBODY) -> Refusal | None:
        """Why the asker may not ask the model, whoever named it; None when it may."""
        settings, tenant = self._settings, asker.tenant
        if name in settings.deny:
            return Refusal(Reason.MODEL_BLOCKED, "models.deny")
        if settings.allow is not None and name not in settings.allow:
            return Refusal(Reason.MODEL_NOT_ALLOWED, "models.allow")
        if name in asker.blocked:
            return Refusal(Reason.MODEL_BLOCKED, "policies.blocked_models")
        if asker.allowed and name not in asker.allowed:
            return Refusal(Reason.MODEL_NOT_ALLOWED, "policies.allowed_models")
        tiers = settings.tenant_tiers.get(tenant) if tenant is not None else None
        if tiers is not None and name not in {settings.tiers.get(tier) for tier in tiers}:
            words = f"it is in no tier of the tenant {tenant} ({', '.join(tiers) or 'none'})"
            return Refusal(Reason.MODEL_NOT_OF_TENANT, "models.tenant_tiers", words)
        return None

    def _chosen(self, asker: Asker) -> tuple[str, str]:
        """A model or a tier, and who named it: the step, a purpose, the pack, or nobody in particular."""
        settings, wanted = self._settings, asker.wanted
        if wanted is not None and wanted not in set(Purpose):
            return wanted, _STEP
        if wanted is not None and Purpose(wanted) in settings.by_purpose:
            return settings.by_purpose[Purpose(wanted)], f"for the purpose {wanted}"
        if asker.pack in settings.by_pack:
            return settings.by_pack[asker.pack], f"by the settings for the pack {asker.pack}"
        if asker.of_pack is not None:
            return asker.of_pack, f"by the pack {asker.pack}"
        return settings.default, _BY_DEFAULT

    def _chain(self, named: str, source: str) -> list[Candidate]:
        settings = self._settings
        if named in settings.all:
            return [Candidate(named, f"{source} {named}")]
        if named not in settings.tiers:
            known = sorted([*settings.all, *settings.tiers])
            by = "" if source == _STEP else f" ({source})"
            words = f"there is no model or tier {named!r}{by}; there are {', '.join(known)}"
            if source == _BY_DEFAULT:
                raise InvalidInput(words)
            raise NotFound(words, {"model": named, "known": known})
        chain = settings.fallback
        behind = chain[chain.index(named) + 1 :] if named in chain else ()
        found: dict[str, Candidate] = {}
        for tier in (named, *behind):
            why = f"{source} {named}" if tier == named else f"{source} {named}, then {tier}"
            found.setdefault(settings.tiers[tier], Candidate(settings.tiers[tier], why))
        return list(found.values())
