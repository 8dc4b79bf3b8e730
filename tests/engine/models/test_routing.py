"""Which model is asked: who names it, which may be asked, which one when it fails, and which rests."""

from __future__ import annotations

import pytest

from engine.errors import NotFound
from engine.models.failure import ModelErrorCode, ModelFailure
from engine.models.routing import Asker, Breaker, ModelRouter
from engine.models.settings import BreakerSettings, ModelSettings, NamedModel, ProviderName, Purpose

NAMED = {
    name: NamedModel(provider=ProviderName.OLLAMA, model=name) for name in ("fast", "full", "spare", "own")
}
SETTINGS = ModelSettings(
    named=NAMED,
    default="tier-2",
    by_purpose={Purpose.INSIGHT: "tier-1"},
    by_pack={"on-call": "own"},
    tiers={"tier-1": "full", "tier-2": "fast", "tier-3": "spare"},
    fallback=("tier-1", "tier-2", "tier-3"),
    breaker=BreakerSettings(failures=2, seconds=30),
)


def router(**changes: object) -> ModelRouter:
    return ModelRouter(SETTINGS.model_copy(update=changes))


def names(found: ModelRouter, asker: Asker) -> list[str]:
    return [one.name for one in found.candidates(asker)]


@pytest.mark.parametrize(
    ("asker", "name", "why"),
    [
        (Asker("spare", "on-call", "full"), "spare", "the step names spare"),
        (Asker("tier-3", "on-call"), "spare", "the step names tier-3"),
        (Asker("INSIGHT", "on-call"), "full", "for the purpose INSIGHT tier-1"),
        (Asker("EXPLANATION", "on-call"), "own", "by the settings for the pack on-call own"),
        (Asker(None, "on-call", "full"), "own", "by the settings for the pack on-call own"),
        (Asker(None, "hello", "full"), "full", "by the pack hello full"),
        (Asker(None, "hello"), "fast", "by default tier-2"),
    ],
)
def test_a_step_comes_before_a_purpose_before_a_pack_before_the_default(
    asker: Asker, name: str, why: str
) -> None:
    route = router().route(asker)
    assert (route.name, route.why) == (name, why)


def test_from_a_tier_only_the_tiers_behind_it_are_tried_each_attempt_with_the_next() -> None:
    asker = Asker("tier-2")
    assert names(router(), Asker("tier-1")) == ["full", "fast", "spare"]
    assert names(router(), asker) == ["fast", "spare"]
    assert names(router(fallback=()), asker) == ["fast"]
    tried: list[str] = []
    for _ in range(4):
        tried.append(router().route(asker, tried).name)
    assert tried == ["fast", "spare", "fast", "spare"]
    assert router().route(asker, ["fast"]).why == "the step names tier-2, then tier-3"


def test_lists_and_the_tiers_of_a_tenant_bind_whatever_was_chosen() -> None:
    assert names(router(deny=("full",)), Asker("tier-1")) == ["fast", "spare"]
    assert names(router(allow=("spare",)), Asker("tier-1")) == ["spare"]
    held = router(tenant_tiers={"shop": ("tier-3",)})
    assert names(held, Asker("tier-1", tenant="shop")) == ["spare"]
    assert names(held, Asker("tier-1", tenant="other")) == ["full", "fast", "spare"]
    with pytest.raises(ModelFailure, match="own: it is in no tier of the tenant shop") as refused:
        held.candidates(Asker("own", tenant="shop"))
    assert (refused.value.code, refused.value.retryable) == (ModelErrorCode.DENIED, False)


def test_lists_of_policies_bind_whatever_was_chosen_and_tiers_behind_too() -> None:
    def held(*allowed: str, blocked: str = "") -> list[str]:
        asker = Asker("tier-1", allowed=frozenset(allowed), blocked=frozenset(filter(None, (blocked,))))
        return names(router(), asker)

    assert held() == ["full", "fast", "spare"]
    assert held(blocked="full") == ["fast", "spare"]
    assert held("full", "spare") == ["full", "spare"]
    assert held("full", "spare", blocked="full") == ["spare"]
    with pytest.raises(ModelFailure, match=r"full: policies\.allowed_models does not name it") as refused:
        held("own")
    assert (refused.value.code, refused.value.retryable) == (ModelErrorCode.DENIED, False)
    assert router().below("full", Asker(blocked=frozenset({"fast"}))) == "spare"


def test_a_name_that_nothing_has_is_told_with_those_there_are() -> None:
    with pytest.raises(NotFound, match=r"no model or tier 'tier-9'.*fast, full, own"):
        router().candidates(Asker("tier-9"))


def test_a_model_that_failed_too_often_rests_and_is_tried_once_after() -> None:
    now = [100.0]
    breaker = Breaker(2, 60.0, 30.0, lambda: now[0])
    breaker.failed("a")
    assert breaker.closed_in("a") == 0
    breaker.failed("a")
    assert breaker.closed_in("a") == 30
    now[0] += 31
    assert breaker.closed_in("a") == 0
    breaker.failed("a")
    assert breaker.closed_in("a") == 30
    now[0] += 31
    breaker.succeeded("a")
    breaker.failed("a")
    assert breaker.closed_in("a") == 0


def test_failures_count_within_the_window_alone() -> None:
    now = [0.0]
    breaker = Breaker(3, 60.0, 120.0, lambda: now[0])
    for moment in (0.0, 50.0, 61.0, 122.0):  # never three within a minute
        now[0] = moment
        breaker.failed("a")
        assert (breaker.closed_in("a"), breaker.resting()) == (0, {})
    now[0] = 123.0
    breaker.failed("a")
    assert breaker.resting() == {}
    now[0] = 124.0
    breaker.failed("a")
    assert breaker.resting() == {"a": 120.0}
    now[0] = 130.0  # one that was under way still: its rest is counted from the last failure
    breaker.failed("a")
    assert breaker.resting() == {"a": 120.0}


def test_without_settings_five_failures_within_a_minute_are_a_rest_of_two() -> None:
    now = [0.0]
    breaker = ModelRouter(ModelSettings(), lambda: now[0]).breaker
    for moment in (0.0, 15.0, 30.0, 45.0):
        now[0] = moment
        breaker.failed("a")
    assert breaker.closed_in("a") == 0
    now[0] = 60.0
    breaker.failed("a")
    assert breaker.closed_in("a") == 120.0


def test_a_resting_model_is_passed_over_and_when_all_rest_the_run_is_told_for_how_long() -> None:
    now = [0.0]
    found = ModelRouter(SETTINGS, lambda: now[0])
    for _ in range(2):
        found.breaker.failed("fast")
    route = found.route(Asker("tier-2"))
    assert route.name == "spare"
    assert route.why == "the step names tier-2, then tier-3; not asked, failed too often: fast"
    for _ in range(2):
        found.breaker.failed("spare")
    now[0] = 10.0
    with pytest.raises(ModelFailure, match="for 20 s more") as rest:
        found.route(Asker("tier-2"))
    assert (rest.value.code, rest.value.retryable, rest.value.retry_after) == ("circuit_open", True, 20.0)


def test_while_a_model_rests_the_chain_behind_it_is_walked_and_none_of_it_asked_twice_before() -> None:
    found = ModelRouter(SETTINGS, lambda: 0.0)
    for _ in range(2):
        found.breaker.failed("full")
    tried: list[str] = []
    for _ in range(3):
        tried.append(found.route(Asker("tier-1"), tried).name)
    assert tried == ["fast", "spare", "fast"]
    for _ in range(2):  # it rests from its second try on
        found.breaker.failed("fast")
    assert found.route(Asker("tier-1"), ["fast"]).name == "spare"


def test_a_model_whose_server_asked_to_wait_is_asked_after_all_others() -> None:
    now = [0.0]
    found = ModelRouter(SETTINGS, lambda: now[0])
    assert found.soonest(Asker("own")) is None
    found.breaker.asked_to_wait("full", 60.0)
    route = found.route(Asker("tier-1"))
    assert (route.name, route.why) == (
        "fast",
        "the step names tier-1, then tier-2; not asked, asked to wait: full",
    )
    assert found.route(Asker("tier-1"), ["fast", "spare"]).name == "fast"
    assert found.soonest(Asker("tier-1")) == 0
    found.breaker.asked_to_wait("fast", 40.0)
    found.breaker.asked_to_wait("spare", 90.0)
    found.breaker.asked_to_wait("spare", 5.0)  # told to another run, which had asked before
    assert found.breaker.waits("spare") == 90
    now[0] = 10.0
    assert found.soonest(Asker("tier-1")) == 30
    assert found.route(Asker("tier-1")).name == "fast"
    now[0] = 61.0
    assert found.route(Asker("tier-1"), ["fast"]).name == "full"
    found.breaker.succeeded("spare")
    assert names(found, Asker("tier-1")) == ["full", "fast", "spare"]
    assert found.route(Asker("tier-1"), ["full", "fast"]).name == "spare"


def test_after_its_rest_one_call_tries_a_model_and_the_others_go_on_as_if_it_rested() -> None:
    now = [0.0]
    found = ModelRouter(SETTINGS, lambda: now[0])
    for _ in range(2):
        found.breaker.failed("fast")
        found.breaker.failed("spare")
    now[0] = 31.0
    asked = [found.route(Asker("tier-2")).name for _ in range(2)]
    assert asked == ["fast", "spare"]
    with pytest.raises(ModelFailure, match="for 30 s more") as rest:
        found.route(Asker("tier-2"))
    assert rest.value.code is ModelErrorCode.CIRCUIT_OPEN
    now[0] = 62.0  # of the try nobody heard: it was stopped before it had asked, for one
    assert found.route(Asker("tier-2")).name == "fast"
    found.breaker.succeeded("fast")
    assert [found.route(Asker("tier-2")).name for _ in range(3)] == ["fast"] * 3


def test_a_try_that_was_not_made_is_given_back_by_the_call_that_had_it() -> None:
    now = [0.0]
    found, asker = ModelRouter(SETTINGS, lambda: now[0]), Asker("own")
    not_resting = found.route(asker)
    for _ in range(2):
        found.breaker.failed("own")
    with pytest.raises(KeyError), found.until_asked(not_resting):
        raise KeyError
    assert found.breaker.closed_in("own") == 30
    now[0] = 31.0
    first = found.route(asker)
    assert found.breaker.closed_in("own") == 30
    with pytest.raises(KeyError), found.until_asked(first):
        raise KeyError
    assert found.breaker.resting() == {"own": 0.0}
    tried = found.route(asker)
    with found.until_asked(tried):
        pass
    assert found.breaker.closed_in("own") == 30
    now[0] = 40.0
    found.breaker.failed("own")
    found.breaker.give_back("own", tried.tried_until)
    assert found.breaker.closed_in("own") == 30


def test_a_lower_tier_that_is_asked_at_a_soft_cap_is_tried_by_one_call_too() -> None:
    now = [0.0]
    found = ModelRouter(SETTINGS, lambda: now[0])
    for _ in range(2):
        found.breaker.failed("spare")
    now[0] = 31.0
    assert found.below("fast", Asker()) == "spare"
    found.breaker.tries("spare")
    assert found.below("fast", Asker()) is None


def test_settings_that_name_what_is_not_there_say_where() -> None:
    wrong = ModelSettings(
        named=NAMED,
        default="gone",
        by_pack={"x": "lost"},
        tiers={"tier-1": "none", "fast": "full"},
        fallback=("tier-7",),
        tenant_tiers={"shop": ("tier-8",)},
        deny=("nobody",),
    )
    assert {key for key, _ in wrong.faults()} == {
        ("default",),
        ("by_pack", "x"),
        ("tiers", "tier-1"),
        ("tiers", "fast"),
        ("fallback",),
        ("tenant_tiers", "shop"),
        ("deny",),
    }
    assert list(SETTINGS.faults()) == []
