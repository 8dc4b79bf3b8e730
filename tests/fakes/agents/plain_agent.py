"""An agent of the Agent Client Protocol in the standard library alone: `plain_agent.py BEHAVIOR [FOLDER]`.

It starts quickly, and it can do what no library would let it do. FOLDER is where it writes what it did.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

OPTIONS = [
    {"optionId": "always", "name": "Always allow", "kind": "allow_always"},
    {"optionId": "yes", "name": "Allow", "kind": "allow_once"},
    {"optionId": "no", "name": "Reject", "kind": "reject_once"},
    {"optionId": "never", "name": "Never", "kind": "reject_always"},
]


class Agent:
    """One process, one session."""

    def __init__(self, behavior: str, folder: Path) -> None:
        self.behavior = behavior
        self.folder = folder
        self.numbers = 0
        self.prompt_id: Any = None
        self.prompts: list[str] = []
        self.kept: list[str] | None = None
        self.blocks: list[dict[str, Any]] = []

    def send(self, **message: Any) -> None:
        line = json.dumps({"jsonrpc": "2.0", **message}) + "\n"
        if self.kept is not None:
            self.kept.append(line)
            return
        sys.stdout.write(line)
        sys.stdout.flush()

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """What is sent inside arrives as one: nobody can answer in between."""
        self.kept = []
        yield
        lines, self.kept = "".join(self.kept), None
        sys.stdout.write(lines)
        sys.stdout.flush()

    def update(self, update: str, /, **fields: Any) -> None:
        told = {"sessionId": "s1", "update": {"sessionUpdate": update, **fields}}
        self.send(method="session/update", params=told)

    def say(self, text: str) -> None:
        self.update("agent_message_chunk", content={"type": "text", "text": text})

    def read(self) -> dict[str, Any]:
        line = sys.stdin.readline()
        if not line:
            sys.exit(0)
        message: dict[str, Any] = json.loads(line)
        return message

    def call(self, call_id: str, **fields: Any) -> None:
        self.update("tool_call", toolCallId=call_id, status="pending", **fields)

    def ask(self, call_id: str, options: Any = OPTIONS, number: int | None = None, **fields: Any) -> int:
        if number is None:
            self.numbers += 1
            number = self.numbers
        params = {"sessionId": "s1", "toolCall": {"toolCallId": call_id, **fields}, "options": options}
        self.send(id=number, method="session/request_permission", params=params)
        return number

    def outcome(self, number: int) -> str:
        """The option that was chosen, or how else it was answered."""
        while True:
            message = self.read()
            if message.get("method") == "session/cancel":
                self.note("cancelled")
                self.end("cancelled")
                sys.exit(0)
            if message.get("id") != number:
                continue
            if "error" in message:
                return "error"
            answer = message["result"]["outcome"]
            return str(answer.get("optionId") or answer["outcome"])

    def note(self, text: str) -> None:
        with (self.folder / "notes").open("a") as file:
            file.write(f"{text}\n")

    def end(self, reason: str = "end_turn", **more: Any) -> None:
        self.send(id=self.prompt_id, result={"stopReason": reason, **more})

    def costs(self, amount: float) -> None:
        """Tells what its session has cost by now."""
        self.update("usage_update", used=10, size=100, cost={"amount": amount, "currency": "USD"})

    def run(self) -> None:
        if self.behavior == "early":
            self.say("hello")
        if self.behavior == "silent":
            time.sleep(3600)
        while True:
            message = self.read()
            match message.get("method"):
                case "initialize":
                    if self.behavior == "noise":
                        sys.stdout.write("Loaded credentials.\n")
                    version = 9 if self.behavior == "version" else 1
                    capable: dict[str, Any] = {"loadSession": self.behavior == "loads"}
                    if self.behavior == "sees":
                        capable["promptCapabilities"] = {"image": True}
                    result = {"protocolVersion": version, "agentCapabilities": capable}
                    info = {"name": "plain", "version": "1.0"}
                    self.send(id=message["id"], result={**result, "agentInfo": info})
                case "session/new":
                    self.note(f"new {message['params']['cwd']}")
                    self.send(id=message["id"], result={"sessionId": "s1"})
                case "session/load":
                    self.note(f"load {message['params']['sessionId']}")
                    self.say("what was said before")
                    self.send(id=message["id"], result={})
                case "session/prompt":
                    self.prompt_id = message["id"]
                    self.blocks = message["params"]["prompt"]
                    text = self.blocks[-1]["text"]
                    self.note(f"prompt {json.dumps(text)}")
                    getattr(self, self.behavior, self.file)()
                case "session/cancel":
                    self.note("cancelled")
                    self.end("cancelled")

    def file(self) -> None:
        """Asks by the id alone, as published agents do; what it would do it has told before."""
        self.say("I make a file. ")
        self.update("plan", entries=[{"content": "make it", "priority": "high", "status": "pending"}])
        self.call("c1", title="Write made.txt", kind="edit", rawInput={"path": "made.txt", "text": "x\n"})
        chosen = self.outcome(self.ask("c1"))
        self.note(f"chosen {chosen}")
        if chosen == "yes":
            (self.folder / "made.txt").write_text("x\n")
            self.update("tool_call_update", toolCallId="c1", status="completed", rawOutput={"bytes": 2})
            self.say("It is made.")
        else:
            self.update("tool_call_update", toolCallId="c1", status="failed")
            self.say("I leave it.")
        self.end()

    loads = noise = file

    def two(self) -> None:
        """Asks for two things at once."""
        for call_id in ("a", "b"):
            self.call(call_id, title=f"Do {call_id}", kind="execute", rawInput={"command": call_id})
        numbers = [self.ask("a"), self.ask("b")]
        got: dict[int, str] = {}
        while len(got) < len(numbers):
            message = self.read()
            if message.get("id") in numbers:
                got[message["id"]] = message["result"]["outcome"].get("optionId", "")
                call_id = "ab"[numbers.index(message["id"])]
                status = "completed" if got[message["id"]] == "yes" else "failed"
                self.update("tool_call_update", toolCallId=call_id, status=status)
        self.say(" ".join(f"{call_id}={got[number]}" for call_id, number in zip("ab", numbers, strict=True)))
        self.end()

    def answer(self) -> None:
        self.say('{"word": "yes"}')
        self.end()

    def sees(self) -> None:
        """Tells of what it was shown."""
        self.say(json.dumps(self.blocks))
        self.end()

    blind = sees

    def tells_usage(self) -> None:
        self.costs(0.1)
        self.costs(0.25)
        told = {"totalTokens": 160, "inputTokens": 20, "outputTokens": 40, "cachedReadTokens": 100}
        self.say("done")
        self.end(usage=told)

    def tells_usage_and_exits(self) -> None:
        self.costs(0.25)
        sys.exit(3)

    def tells_usage_and_asks(self) -> None:
        self.costs(0.25)
        self.file()

    def diff(self) -> None:
        """Arguments that are nothing but a change to a file."""
        change = {"type": "diff", "path": "/srv/a.txt", "oldText": "one\n", "newText": "two\n"}
        self.say(self.outcome(self.ask("d", title="Edit a.txt", kind="edit", content=[change])))
        self.end()

    def no_arguments(self) -> None:
        self.say(self.outcome(self.ask("n", title="rm -rf /", kind="execute")))
        self.end()

    def no_once(self) -> None:
        self.say(self.outcome(self.ask("n", OPTIONS[:1] + OPTIONS[3:], rawInput={"a": 1})))
        self.end()

    def unknown_options(self) -> None:
        options = [{"optionId": "x", "name": "X", "kind": "allow_for_a_year"}, 7, {"kind": "allow_once"}]
        self.say(self.outcome(self.ask("n", options, rawInput={"a": 1})))
        self.end()

    def same_id(self) -> None:
        self.ask("a", number=7, rawInput={"a": 1})
        self.ask("b", number=7, rawInput={"b": 1})
        self.read()

    def changes(self) -> None:
        """Tells of other arguments once it has asked."""
        self.call("c", title="Look", kind="read", rawInput={"path": "a"})
        with self.at_once():
            number = self.ask("c")
            self.update("tool_call_update", toolCallId="c", rawInput={"path": "/etc/shadow"})
        self.say(self.outcome(number))
        self.end()

    def goes_on(self) -> None:
        """Ends its turn with a question open."""
        self.ask("g", rawInput={"a": 1})
        self.say("I do not wait.")
        self.end()

    def wants_files(self) -> None:
        self.numbers += 1
        self.send(id=self.numbers, method="fs/write_text_file", params={"path": "/x", "content": "x"})
        self.say(self.outcome(self.numbers))
        self.end()

    def flood(self) -> None:
        text = json.dumps({"jsonrpc": "2.0", "method": "session/update", "params": {}}) + "\n"
        while True:
            sys.stdout.write(text * 1_000)

    def long_line(self) -> None:
        sys.stdout.write("{" + "a" * (5 * 1024 * 1024))
        sys.stdout.flush()
        self.read()

    def hostile(self) -> None:
        evil = "\x1b]0;owned\x07\x1b[2J\u202etxt.exe" + "$" * 50
        self.say(evil)
        self.call("h", title=evil, kind=evil, rawInput={"$secret": "mine", "evil": evil})
        self.say(self.outcome(self.ask("h")))
        self.end()

    def secret(self) -> None:
        """Tells what it was given to keep."""
        value = os.environ["TOKEN"]
        self.note(f"token {value}")
        self.call("s", title=f"Send {value}", kind="fetch", rawInput={"token": value})
        self.say(self.outcome(self.ask("s")) + value)
        os.write(2, f"token {value}".encode())
        self.end()

    def wrong_key(self) -> None:
        """Says of what it was given to keep that it is of no use."""
        self.send(id=self.prompt_id, error={"code": -32603, "message": f"wrong key {os.environ['TOKEN']}"})

    def surroundings(self) -> None:
        self.say(json.dumps({"env": dict(os.environ), "cwd": os.getcwd()}))  # noqa: PTH109 - as it is given
        self.end()

    def looks_about(self) -> None:
        """Tells what it sees around the folder that it works in."""
        self.say(", ".join(sorted(place.name for place in self.folder.parent.iterdir())))
        self.end()

    def endless(self) -> None:
        self.say("I think")
        if os.fork() == 0:  # a grandchild that would outlive it
            os.setsid()
            (self.folder / "grandchild").write_text(str(os.getpid()))
            time.sleep(3600)

    def deaf(self) -> None:
        """Hears of nothing any more."""
        self.note("deaf")
        time.sleep(3600)

    def exits(self) -> None:
        os.write(2, b"no such model")
        sys.exit(3)

    def exits_asking(self) -> None:
        """Dies with its question the first time."""
        if "died" in self.known():
            self.file()
            return
        self.note("died")
        self.ask("c1", rawInput={"a": 1})
        sys.exit(3)

    def stops(self) -> None:
        self.end("max_tokens")

    def known(self) -> str:
        return (self.folder / "notes").read_text()


if __name__ == "__main__":
    Agent(sys.argv[1], Path(sys.argv[2])).run()
