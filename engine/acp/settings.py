"""What an operator says about agents of other programs: each by a name, and how it is started."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

_KEPT = "VASINI_"


def _variable(name: str) -> str:
    if name.upper().startswith(_KEPT):
        raise ValueError(f"may not begin with {_KEPT}: those are our own")
    return name


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("must be an absolute path")
    return path


AgentName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$", max_length=60)]
Word = Annotated[str, StringConstraints(max_length=4_000, pattern=r"^[^\x00]*$")]
Variable = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=100), AfterValidator(_variable)
]


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class SecretName(_Group):
    """`{"$secret": "NAME"}`: the value of that secret."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=100)] = Field(
        alias="$secret"
    )


class AcpAgent(_Group):
    """One program. `network` is of an isolated one: without it no model can be asked elsewhere."""

    command: Annotated[Word, StringConstraints(min_length=1)]
    args: tuple[Word, ...] = Field(default=(), max_length=200)
    env: dict[Variable, Word | SecretName] = Field(default_factory=dict, max_length=200)
    cwd: Annotated[Path, AfterValidator(_absolute)] | None = None
    sandbox: Literal["process", "isolated"] = "process"
    network: bool = True


class AgentSettings(_Group):
    """All of them, by name."""

    acp: dict[AgentName, AcpAgent] = Field(default_factory=dict)
