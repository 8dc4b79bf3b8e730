"""Publishing, labels, diffs between versions, signatures, and trust in code."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from engine.contracts.packs.pack import PackState
from engine.contracts.packs.versions import SignatureState
from engine.errors import ErrorCode, InvalidInput, NotFound, PackInvalid, Refused
from engine.facade.feed import PackListChanged
from tests.engine.runtime.embedded_home import ANN, BOB, Home, finished, start, tool

if TYPE_CHECKING:
    from pathlib import Path

    from engine.facade.engine import Engine


def write(home: Home, word: str = "one", version: str = "1.0.0", *, code: str | None = None) -> Path:
    home.flow("greet", tool("say", params={"word": word}), shipped=False)
    directory = home.root / "home" / "demo"
    manifest = directory / "profession-pack.yaml"
    written = re.sub(r"^version: .*$", f"version: {version}", manifest.read_text(), flags=re.MULTILINE)
    manifest.write_text(written)
    if code is not None:
        (directory / "tools.py").write_text(code)
    return directory


async def label(engine: Engine) -> str:
    await engine.packs.reload()
    return (await engine.packs.get("demo")).view.label


async def test_what_was_saved_since_it_was_shown_is_not_published(home: Home) -> None:
    write(home)
    async with home.working() as engine:
        shown = (await engine.packs.get("demo")).view.digest
        write(home, "two")
        with pytest.raises(Refused) as refused:
            await engine.packs.publish("demo", actor=ANN, digest=shown)
        assert refused.value.code is ErrorCode.CODE_CHANGED
        assert not await engine.packs.versions("demo")
        shown = (await engine.packs.get("demo")).view.digest
        assert (await engine.packs.publish("demo", actor=ANN, digest=shown)).digest == shown


async def test_edits_of_a_published_version_show_and_are_not_published_under_it(home: Home) -> None:
    write(home)
    async with home.working() as engine:
        assert await label(engine) == "1.0.0"
        published = await engine.packs.publish("demo", actor=ANN, sbom='{"bomFormat": "CycloneDX"}')
        assert (published.version, published.published_by, published.latest) == ("1.0.0", "ann", True)
        assert (published.author, published.sbom) == ("Somebody", '{"bomFormat": "CycloneDX"}')
        assert (await engine.packs.get("demo")).view.published
        write(home, "two")
        assert await label(engine) == "1.0.0+edited"
        assert (await finished(engine, "greet")).pack_version == "1.0.0+edited"
        with pytest.raises(Refused) as refused:
            await engine.packs.publish("demo", actor=BOB)
        assert refused.value.code is ErrorCode.VERSION_CONFLICT
        write(home, "two", "1.1.0")
        assert await label(engine) == "1.1.0"
        assert (await engine.packs.publish("demo", actor=BOB)).latest
        assert [(v.version, v.latest) for v in await engine.packs.versions("demo")] == [
            ("1.1.0", True),
            ("1.0.0", False),
        ]


async def test_publishing_the_same_content_again_changes_nothing(home: Home) -> None:
    write(home)
    async with home.open() as engine:
        first = await engine.packs.publish("demo", actor=ANN)
        assert await engine.packs.publish("demo", actor=BOB) == first


async def test_versions_are_in_semantic_order_with_pre_releases_last(home: Home) -> None:
    async with home.open() as engine:
        for version in ("1.9.0", "2.0.0-rc.1", "1.10.0", "2.0.0-rc.2"):
            write(home, version, version)
            await engine.packs.publish("demo", actor=ANN)
        versions = await engine.packs.versions("demo")
        assert await engine.packs.versions("none") == ()
    assert [version.version for version in versions] == ["1.10.0", "1.9.0", "2.0.0-rc.2", "2.0.0-rc.1"]
    assert [version.latest for version in versions] == [True, False, False, False]


async def test_what_is_broken_or_unknown_is_not_published(home: Home) -> None:
    directory = write(home)
    async with home.open() as engine:
        await engine.packs.list()
        (directory / "flows" / "greet.yaml").write_text("id: greet\n")
        with pytest.raises(PackInvalid):
            await engine.packs.publish("demo", actor=ANN)
        with pytest.raises(NotFound):
            await engine.packs.publish("none", actor=ANN)
        write(home)
        with pytest.raises(InvalidInput):
            await engine.packs.publish("demo", actor=ANN, sbom="x" * 2_000_000)


async def test_a_diff_is_between_what_is_in_force_published_or_in_a_directory(home: Home) -> None:
    directory = write(home)
    async with home.open() as engine:
        await engine.packs.publish("demo", actor=ANN)
        write(home, "two", "1.1.0")
        await engine.packs.reload()
        diff = await engine.packs.diff("demo@1.0.0", "demo")
        assert (diff.before.label, diff.after.label) == ("1.0.0", "1.1.0")
        assert [part.name for part in diff.layers] == ["flows/greet", "manifest"]
        assert [part.name for part in diff.files] == ["flows/greet.yaml", "profession-pack.yaml"]
        same = await engine.packs.diff("demo", directory)
        assert (same.layers, same.files) == ((), ())
        for unknown in ("none", "demo@9.9.9", directory / "none"):
            with pytest.raises(NotFound):
                await engine.packs.diff("demo", unknown)
        with pytest.raises(InvalidInput):
            await engine.packs.diff("demo@", "demo")


async def test_a_signature_is_verified_when_keys_are_named(home: Home) -> None:
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    directory = write(home)
    manifest = directory / "profession-pack.yaml"
    keys = {"other": "00" * 32, "release": base64.b64encode(public).decode()}
    async with home.open(signing_keys=keys) as engine:
        digest = (await engine.packs.get("demo")).signing_digest
        signature = key.sign(digest.encode()).hex()
        text = manifest.read_text()
        manifest.write_text(text.replace("name: Somebody", f"name: Somebody\n  signature: {signature}"))
        published = await engine.packs.publish("demo", actor=ANN)
        assert (published.signature_state, published.signed_by) == (SignatureState.VERIFIED, "release")
        manifest.write_text(manifest.read_text().replace("version: 1.0.0", "version: 1.0.1"))
        with pytest.raises(Refused) as refused:
            await engine.packs.publish("demo", actor=ANN)
        assert refused.value.code is ErrorCode.SIGNATURE_INVALID
    async with home.open() as engine:
        unchecked = await engine.packs.publish("demo", actor=ANN)
        assert (unchecked.signature_state, unchecked.signature) == (SignatureState.UNCHECKED, signature)


CODE = "def go() -> int:\n    return 1\n"


async def test_code_runs_only_after_its_digest_was_trusted_and_a_change_asks_again(home: Home) -> None:
    write(home, code=CODE)
    async with home.open() as engine, home.open() as another:
        assert (await engine.packs.get("demo")).view.state is PackState.UNTRUSTED_CODE
        with pytest.raises(Refused) as refused:
            await start(engine, "greet")
        assert refused.value.code is ErrorCode.PACK_UNTRUSTED
        assert "vasini pack trust demo" in refused.value.message
        review = await engine.packs.code("demo")
        assert (review.text, review.trusted) == (CODE, False)
        given = await engine.packs.trust("demo", review.digest, actor=ANN)
        assert (given.trusted, given.trusted_by) == (True, "ann")
        assert (await another.packs.get("demo")).view.state is PackState.OK
        await start(another, "greet")
        write(home, code=CODE + "# more\n")
        await engine.packs.reload()
        with pytest.raises(Refused):
            await start(engine, "greet")
        with pytest.raises(Refused) as changed:
            await engine.packs.trust("demo", review.digest, actor=ANN)
        assert changed.value.code is ErrorCode.CODE_CHANGED


async def test_there_is_no_code_to_trust_where_there_is_none(home: Home) -> None:
    write(home)
    async with home.open() as engine:
        for pack in ("demo", "none"):
            with pytest.raises(NotFound):
                await engine.packs.code(pack)


async def test_publishing_and_trusting_are_told_on_the_feed_of_another_process(home: Home) -> None:
    write(home, code=CODE)
    async with home.open() as engine, home.open() as another, another.feed.subscribe() as batches:
        await engine.packs.publish("demo", actor=ANN)
        assert (await anext(batches)).notices == (PackListChanged(),)
