"""`vasini completion`: commands and options for a shell, as a script that it reads once."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vasini_tui.cli.arguments.options import ActAs, AsJson
from vasini_tui.cli.call import Invocation
from vasini_tui.exit_codes import ExitCode, UsageError

if TYPE_CHECKING:
    from vasini_tui.wiring import Session

SHELLS = ("bash", "zsh", "fish")


def completion(
    shell: Annotated[str, typer.Argument(metavar="SHELL", help=f"{', '.join(SHELLS)}.")],
    as_json: AsJson = False,
    act_as: ActAs = None,
) -> Invocation:
    """Write what a shell needs to complete commands and options."""
    if shell not in SHELLS:
        raise UsageError(f"completion knows {', '.join(SHELLS)}; not {shell!r}")
    return Invocation(partial(_completion, shell=shell), as_json, act_as, tolerant=True)


async def _completion(session: Session, *, shell: str) -> int:
    known = offered()
    if session.out.as_json:
        session.out.document({"commands": known})
    else:
        session.out.block(_fish(known) if shell == "fish" else _bash(known, zsh=shell == "zsh"))
    return ExitCode.OK


def offered() -> dict[str, list[str]]:
    """Options of every command, by its words; the first words of groups stand alone as well."""
    from vasini_tui.cli.app import command_tree  # noqa: PLC0415 - every command is loaded for it

    return dict(sorted(_options(typer.main.get_command(command_tree()), "").items()))


def _options(command: Any, words: str) -> dict[str, list[str]]:
    options = {name for parameter in command.params for name in parameter.opts if name.startswith("--")}
    found = {words: sorted({*options, "--help"})}
    for name, below in getattr(command, "commands", {}).items():
        found |= _options(below, f"{words} {name}".strip())
    return found


def _bash(known: dict[str, list[str]], *, zsh: bool) -> str:
    """The words typed so far choose the list; a word that is no command ends the search."""
    cases = "\n".join(f"    '{words}') next='{' '.join(_next(known, words))}' ;;" for words in known)
    head = "autoload -U +X bashcompinit && bashcompinit\n" if zsh else ""
    every = " ".join(sorted({word for words in known for word in words.split()}))
    return f"""{head}_vasini() {{
  local words='' next='' word
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case " {every} " in
      *" $word "*) words="${{words:+$words }}$word" ;;
      *) break ;;
    esac
  done
  case "$words" in
{cases}
  esac
  COMPREPLY=( $(compgen -W "$next" -- "${{COMP_WORDS[COMP_CWORD]}}") )
}}
complete -o default -F _vasini vasini"""


def _fish(known: dict[str, list[str]]) -> str:
    lines = ["complete -c vasini -f"]
    for words in known:
        typed = "string join ' ' -- (commandline -opc)[2..-1]"
        seen = f"string match -q -- '{words}*' ({typed})" if words else f"test -z ({typed})"
        lines += [f'complete -c vasini -n "{seen}" -a "{word}"' for word in _next(known, words)]
    return "\n".join(lines)


def _next(known: dict[str, list[str]], words: str) -> list[str]:
    """What may come after these words: commands below them, then options."""
    before = words.split()
    below = {other.split()[len(before)] for other in known if _is_below(other.split(), before)}
    return [*sorted(below), *known[words]]


def _is_below(words: list[str], before: list[str]) -> bool:
    return len(words) > len(before) and words[: len(before)] == before
