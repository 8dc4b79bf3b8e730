"""What each level stops, and what it does not: the table of docs/sandbox.md, tried."""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.tools.context import PackCode
from tests.engine.tools.isolation.alive import working_in
from tests.engine.tools.isolation.isolating import Level, Machine, machine_in

if TYPE_CHECKING:
    from tests.engine.tools.conftest import Appears

LEVELS: tuple[Level, ...] = ("process", "isolated")
STOPPED = {"process": False, "isolated": True}
both = pytest.mark.parametrize("level", LEVELS)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return machine_in(tmp_path, sys.executable)


@both
async def test_reading_outside(machine: Machine, level: Level) -> None:
    result = await machine.shell(level, f"cat {machine.secret}")
    assert (result.data["stdout"] != "hunter2") is STOPPED[level]


@both
async def test_a_link_that_leads_out(machine: Machine, level: Level) -> None:
    result = await machine.shell(level, f"ln -s {machine.outside} link; cat link/secret.txt")
    assert (result.data["stdout"] != "hunter2") is STOPPED[level]
    assert (machine.workdir / "link").is_symlink()


@both
async def test_writing_outside(machine: Machine, level: Level) -> None:
    await machine.shell(
        level, f"echo x > {machine.secret}; mkdir -p {machine.outside}; echo x > {machine.secret}"
    )
    assert (machine.secret.read_text() == "hunter2") is STOPPED[level]


@both
async def test_reaching_the_journal(machine: Machine, level: Level) -> None:
    result = await machine.shell(level, f"cat {machine.journal}; ls {machine.home} | grep data")
    assert (result.data["stdout"] == "") is STOPPED[level]


async def test_a_packs_own_code_reaches_no_more_than_a_command(machine: Machine) -> None:
    source = (
        "import os\n"
        f"def look() -> list[bool]:\n    return [os.path.exists(path) for path in ({str(machine.secret)!r}, "
        f"{str(machine.journal)!r}, '/etc/shadow')]\n"
    )
    code = PackCode("my-pack", "d", {"tools.py": source})
    assert (await machine.call("my_pack.look", {}, "isolated", code=code)).data == [False, False, False]
    assert (await machine.call("my_pack.look", {}, "process", code=code)).data[:2] == [True, True]


@both
async def test_the_network(machine: Machine, level: Level) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        script = f"import socket; socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 5)"
        result = await machine.command(level, sys.executable, "-c", script)
    assert (result.data["returncode"] != 0) is STOPPED[level]


@both
async def test_dns(machine: Machine, level: Level) -> None:
    """A question to a name server, which is a datagram; resolving itself is tried where nobody can answer."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as server:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        script = (
            "import socket, sys\n"
            "asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
            f"asking.sendto(b'who', ('127.0.0.1', {server.getsockname()[1]}))\n"
        )
        await machine.command(level, sys.executable, "-c", script)
        try:
            arrived = server.recv(10)
        except BlockingIOError:
            arrived = b""
    assert (arrived == b"") is STOPPED[level], arrived
    if level == "isolated":
        asked = await machine.command(
            level, sys.executable, "-c", "import socket; socket.getaddrinfo('example.org', 80)"
        )
        assert "gaierror" in asked.data["stderr"], asked.data


@both
async def test_an_abstract_socket_of_another_program(machine: Machine, level: Level) -> None:
    name = f"\0vasini-{os.getpid()}-{level}"
    with closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind(name)
        server.listen()
        script = f"import socket; socket.socket(socket.AF_UNIX).connect({name!r})"
        result = await machine.command(level, sys.executable, "-c", script)
    assert (result.data["returncode"] != 0) is STOPPED[level]


async def test_a_socket_in_a_folder_of_the_call_is_reached_at_every_level(machine: Machine) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as server:
        here = os.open(machine.workdir, os.O_PATH)
        server.bind(f"/proc/self/fd/{here}/s")  # the whole path is too long for a socket
        os.close(here)
        server.listen()
        for level in LEVELS:
            script = "import socket; socket.socket(socket.AF_UNIX).connect('s')"
            result = await machine.command(level, sys.executable, "-c", script)
            assert result.data["returncode"] == 0, result.data["stderr"]


@both
async def test_processes_that_multiply(machine: Machine, level: Level) -> None:
    (machine.workdir / "again.sh").write_text("sh again.sh & sh again.sh & sleep 60\n")
    result = await machine.call("command.run", {"argv": ["sh", "again.sh"]}, level, processes=60)
    assert result.error is not None
    assert "tools.processes: 60" in result.error.message
    assert await asyncio.to_thread(working_in, machine.workdir) == []


@both
async def test_memory_without_end(machine: Machine, level: Level) -> None:
    params = {"argv": [sys.executable, "-c", "bytearray(400 << 20)"]}
    result = await machine.call("command.run", params, level, memory_bytes=200 << 20)
    assert result.error is not None
    assert "tools.memory_mb: 200 MiB" in result.error.message


async def test_files_in_memory_are_bounded_too(machine: Machine) -> None:
    script = (
        "for place in /tmp $HOME /dev/shm; do head -c 40M /dev/zero > $place/big; wc -c < $place/big; done"
    )
    result = await machine.shell("isolated", script, memory_bytes=20 << 20)
    sizes = [int(size) for size in result.data["stdout"].split()]
    assert len(sizes) == 3
    assert max(sizes) <= 20 << 20
    assert "No space left" in result.data["stderr"]


async def test_processor_time_without_end(machine: Machine) -> None:
    result = await machine.call(
        "command.run", {"argv": ["sh", "-c", "while :; do :; done"]}, "isolated", cpu_seconds=1
    )
    assert result.error is not None
    assert "tools.cpu_seconds: 1 s" in result.error.message


@both
async def test_a_signal_to_end_that_is_ignored(machine: Machine, appears: Appears, level: Level) -> None:
    script = "trap '' TERM; echo 1 > pid; while :; do sleep 0.02; done"
    params = {"argv": ["sh", "-c", script], "timeout": 1.0}
    result = await machine.call("command.run", params, level)
    assert result.error is not None
    assert result.error.code == "timeout"
    assert await asyncio.to_thread(working_in, machine.workdir) == []


@both
async def test_a_child_that_becomes_a_daemon(machine: Machine, level: Level) -> None:
    script = "setsid setsid sh -c 'trap \"\" TERM HUP; echo 1 > there; sleep 600' >/dev/null 2>&1 & "
    result = await machine.shell(level, script + "while [ ! -s there ]; do sleep 0.01; done; echo ok")
    assert result.data["stdout"] == "ok\n"
    assert await asyncio.to_thread(working_in, machine.workdir) == []


async def test_a_call_that_is_cancelled_takes_all_of_its_processes_along(
    machine: Machine, appears: Appears
) -> None:
    script = "setsid sh -c 'echo 1 > there; sleep 600' & sleep 600"
    call = asyncio.ensure_future(machine.shell("isolated", script))
    await appears(machine.workdir / "there")
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await asyncio.to_thread(working_in, machine.workdir) == []


@both
async def test_a_gigabyte_of_output(machine: Machine, level: Level) -> None:
    before = _peak_bytes()
    result = await machine.call(
        "command.run", {"argv": ["sh", "-c", "head -c 1G /dev/zero"]}, level, max_output_bytes=1 << 20
    )
    assert result.error is not None
    assert "tools.max_output_bytes" in result.error.message
    assert _peak_bytes() - before < 64 << 20


def _peak_bytes() -> int:
    status = Path("/proc/self/status").read_text("ascii")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


@both
async def test_seeing_other_processes(machine: Machine, level: Level) -> None:
    worker = os.getpid()
    script = f"import os; os.kill({worker}, 0); print(open('/proc/{worker}/environ', 'rb').read(1) != b'')"
    result = await machine.command(level, sys.executable, "-c", script)
    assert (result.data["returncode"] != 0) is STOPPED[level]


@both
async def test_the_kernels_keys_of_the_worker(machine: Machine, level: Level) -> None:
    """Where the kernel keeps keys: containers often may not use them."""
    kernel, session = ctypes.CDLL(None), -3
    key = kernel.syscall(_NUMBERS[0], b"user", b"vasini-test", b"hunter2", 7, session)
    script = (
        "import ctypes\nkernel, read = ctypes.CDLL(None), ctypes.create_string_buffer(20)\n"
        f"print(kernel.syscall({_NUMBERS[1]}, 11, {key}, read, 20), read.value)"
    )
    try:
        result = await machine.command(level, sys.executable, "-c", script)
    finally:
        kernel.syscall(_NUMBERS[1], 3, key)  # revoked
    assert "hunter2" not in result.data["stdout"]


_NUMBERS = {"x86_64": (248, 250), "aarch64": (217, 219)}.get(os.uname().machine, (-1, -1))
"""Of the system calls add_key and keyctl."""


@both
async def test_ending_its_own_keeper(machine: Machine, level: Level) -> None:
    """At `process` the keeper is the parent; inside there is none, and the first process takes no signal."""
    result = await machine.call(
        "command.run", {"argv": ["sh", "-c", "kill -9 $PPID; sleep 0.2; echo on"]}, level
    )
    assert (result.error is None) is STOPPED[level]


async def test_the_kernel_is_not_changed_not_even_by_root(machine: Machine) -> None:
    script = (
        "for name in vm/swappiness kernel/core_pattern; do [ -w /proc/sys/$name ] && echo $name; done; true"
    )
    assert (await machine.shell("isolated", script)).data["stdout"] == ""
    shown = await machine.shell("isolated", "grep -h Cap /proc/self/status; touch /usr/x /etc/x /x /dev/x")
    assert set(shown.data["stdout"].split()[1::2]) == {"0000000000000000"}
    assert shown.data["stderr"].count("Read-only file system") == 4


@both
async def test_the_environment_of_the_worker(
    machine: Machine, level: Level, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VASINI_SECRETS__TOKEN", "hunter2")
    result = await machine.shell(level, "env")
    assert "hunter2" not in result.data["stdout"]
    assert (f"HOME={machine.workdir}" in result.data["stdout"]) is (level == "process")
