"""Pages with shell sessions, run: files are written, commands are given to one shell, and what they print is compared with what the page says."""

from __future__ import annotations

import doctest
import re
import subprocess
from pathlib import Path

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_END = "--- the command has ended ---"


class Shell:
    """A bash that stays."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._bash = subprocess.Popen(
            ["bash", "--norc"], cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )

    def run(self, command: str) -> str:
        assert self._bash.stdin is not None and self._bash.stdout is not None
        self._bash.stdin.write(f"{command}\necho; echo '{_END}'\n")
        self._bash.stdin.flush()
        lines = []
        while (line := self._bash.stdout.readline()) and line.rstrip("\n") != _END:
            lines.append(line)
        text = "".join(lines)
        return text[:-1] if text.endswith("\n") else text

    def close(self) -> None:
        """Ends it and what it has started: all of them are in its session's groups."""
        assert self._bash.stdin is not None and self._bash.stdout is not None
        self.run("kill $(jobs -p) 2> /dev/null; wait")
        self._bash.stdin.close()
        self._bash.wait(20)
        self._bash.stdout.close()


def run_page(page: Path, folder: Path, environment: dict[str, str], replaced: dict[str, str]) -> int:
    """Runs a page in a folder, with some of its words replaced, and returns how many commands there were."""
    text = page.read_text()
    for word, other in replaced.items():
        text = text.replace(word, other)
    shell = Shell(folder, environment)
    checker = doctest.OutputChecker()
    count = 0
    try:
        for kind, block in _BLOCK.findall(text):
            if kind != "console":
                name, _, content = block.partition("\n")
                (folder / name.removeprefix("# ")).write_text(content)
                continue
            for session in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                lines = session.split("\n")
                more = next((n for n, line in enumerate(lines) if n and not line.startswith("> ")), len(lines))
                command = "\n".join([lines[0], *(line[2:] for line in lines[1:more])])
                expected = "\n".join(lines[more:]).rstrip("\n") + "\n"
                got = shell.run(command).rstrip("\n") + "\n"
                count += 1
                assert checker.check_output(expected, got, doctest.ELLIPSIS), f"$ {command}\n{got}--- and not\n{expected}"
    finally:
        shell.close()
    return count
