"""Who traces a process (a debugger, a coverage tool) still can after it has run steps."""

from __future__ import annotations

import subprocess
import sys

import pytest

STEPS = """
import sys, time
import builder_jupyter as bj

def flow(code):
    made = bj.workflow("one")
    made.start >> made.python("p", code=code) >> made.end()
    return made.build()
"""
ENDED = "bj.run(flow('1 + 1'), show=False)"
CANCELLED = """
begun = []
import builtins; builtins.begun = begun
run = bj.start(flow("begun.append(1)\\nwhile True: pass"))
while not begun: time.sleep(0.01)
run.cancel()
assert run.wait(show=False).status == "cancelled", run.status
"""
TRACED = """
def traced():
    return "still here"
sys.settrace(lambda *event: None)
word = traced()
sys.settrace(None)
print(word)
"""


@pytest.mark.parametrize("steps", [ENDED, CANCELLED], ids=["ended", "cancelled"])
def test_tracing_after_a_step(steps: str) -> None:
    code = STEPS + steps + TRACED
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "still here", done.stderr[-2000:]
