"""Code in a namespace: results, output, exceptions, interrupts. The same in every kind of kernel."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from builder_jupyter.client import values
from builder_jupyter.client.cell import run_job
from builder_jupyter.client.steps import Steps
from builder_jupyter.client.values import pack, unpack
from builder_jupyter.errors import OutputInvalid
from builder_jupyter.nodes.code import Job, Outcome
from builder_jupyter.nodes.display import MAX_DISPLAY, STDERR, STDOUT, Display

HANG_SECONDS = 60


def evaluated(code: str, state: Any = None, namespace: dict[str, Any] | None = None, **frames: bytes) -> Outcome:
    display = Display()
    outcome = run_job(Job("n", code, state or {}), {} if namespace is None else namespace, display, frames.__getitem__)
    outcome.display = display.bundles()
    return outcome


def good(code: str, *args: Any, **given: Any) -> Any:
    outcome = evaluated(code, *args, **given)
    assert outcome.error is None, outcome
    return outcome.value


# -- results ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("1 + 1", 2),
        ("x = 2\nx * 3", 6),
        ("result = 4", 4),
        ("result = 4\n5", 5),
        ("x = 1", None),
        ("", None),
        ("def f():\n    global result\n    return state['n']\nf()", 1),
        ("[x for x in range(3) if x < state['n']]", [0]),
        ("async def f():\n    return 3\nawait f()", 3),
        ("import asyncio\nawait asyncio.sleep(0)\nresult = 'r'", "r"),
        ("result = 1\ndel result", None),
    ],
)
def test_the_result_is_the_last_expression_else_the_variable(code: str, value: Any) -> None:
    assert good(code, {"n": 1}) == value


def test_a_variable_that_the_code_did_not_set_is_no_result() -> None:
    namespace: dict[str, Any] = {"result": "of another cell"}
    assert good("y = result", None, namespace) is None
    assert namespace["y"] == "of another cell"


def test_the_code_runs_among_the_variables_and_gives_state_back() -> None:
    namespace: dict[str, Any] = {"x": 1, "state": "the notebook's"}
    assert good("x += state['n']\ny = x\ny", {"n": 2}, namespace) == 3
    assert {name: namespace[name] for name in ("x", "y", "state")} == {"x": 3, "y": 3, "state": "the notebook's"}
    evaluated("raise ValueError", {}, namespace)
    assert namespace["state"] == "the notebook's"


def test_what_json_cannot_hold_is_kept_as_its_repr_part_by_part() -> None:
    outcome = evaluated("from datetime import date\n{'a': date(2024, 1, 2), 'b': [1, float('nan')], 3: (4,)}")
    assert outcome.value == {"a": "datetime.date(2024, 1, 2)", "b": [1, "nan"], "3": [4]}
    assert outcome.notes == [
        "result['a'] is a date, which JSON cannot hold: its repr was kept.",
        "result['b'][1] is a float, which JSON cannot hold: its repr was kept.",
    ]
    assert evaluated("date", None, {"date": date}).value == "<class 'datetime.date'>"


def test_odd_values() -> None:
    class Bad:
        def __repr__(self) -> str:
            raise RuntimeError

    loop: list[Any] = []
    loop.append(loop)
    assert "repr raised RuntimeError" in pack(Bad()).value
    json.dumps(pack(loop).value)
    assert pack([np.int64(3), np.float32(0.5), np.bool_(True), np.float64("inf"), "\ud800"]).value == [
        3, 0.5, True, "np.float64(inf)", "?",
    ]  # fmt: skip
    assert len(pack([object() for _ in range(1000)]).notes) == values.MAX_NOTES


def test_the_limit_of_a_result_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "MAX_RESULT_BYTES", 1_000_000)
    with pytest.raises(OutputInvalid, match=r"2 MB of JSON; 1 MB is the most.*dataframe") as error:
        pack("x" * 2_000_000)
    assert error.value.code == "OUTPUT_INVALID"
    outcome = evaluated("'x' * 2_000_000")
    assert outcome.error is not None
    assert outcome.error["code"] == "OUTPUT_INVALID"
    monkeypatch.setattr(values, "MAX_FRAME_BYTES", 10)
    with pytest.raises(OutputInvalid, match="Parquet"):
        pack(pd.DataFrame({"a": [1]}))


# -- dataframes ------------------------------------------------------------------------------------------------


def test_dataframes_travel_beside_the_value_and_come_back() -> None:
    frame = pd.DataFrame({"n": [1, 2, 3], "who": ["a", None, "c"]})
    packed = pack({"train": frame, "test": [frame.head(1)]})
    assert len(packed.frames) == 2
    assert packed.value["train"] == {
        "$artefact": packed.value["train"]["$artefact"], "kind": "dataframe", "library": "pandas", "rows": 3,
        "columns": ["n", "who"],
        "preview": [{"n": 1, "who": "a"}, {"n": 2, "who": None}, {"n": 3, "who": "c"}],
    }  # fmt: skip
    back = unpack(json.loads(json.dumps(packed.value)), packed.frames.__getitem__)
    assert back["train"].n.tolist() == [1, 2, 3]
    assert back["test"][0].shape == (1, 2)
    assert pack(frame.copy()).frames.keys() == pack(frame).frames.keys(), "equal content has one name"


def test_polars_stays_polars() -> None:
    packed = pack(pl.DataFrame({"n": [1, 2], "d": [date(2024, 1, 1), None]}))
    assert packed.value["preview"] == [{"n": 1, "d": "2024-01-01"}, {"n": 2, "d": None}]
    back = unpack(packed.value, packed.frames.__getitem__)
    assert isinstance(back, pl.DataFrame)
    assert back["n"].to_list() == [1, 2]


def test_a_dataframe_that_parquet_cannot_hold_is_kept_as_its_repr() -> None:
    packed = pack(pd.DataFrame())
    assert packed.frames == {}
    assert "Empty DataFrame" in packed.value
    assert any("Parquet cannot hold" in note for note in packed.notes)


def test_the_code_sees_dataframes_of_the_state() -> None:
    packed = pack(pd.DataFrame({"n": [1, 2]}))
    (digest,) = packed.frames
    state = {"results": {"before": packed.value}}
    assert good("state['results']['before'].n.sum()", state, **{digest: packed.frames[digest]}) == 3


# -- output ----------------------------------------------------------------------------------------------------


def run_steps(*jobs: str, steps: Steps | None = None, namespace: dict[str, Any] | None = None) -> list[Outcome]:
    async def run() -> list[Outcome]:
        made = steps or Steps(namespace={} if namespace is None else namespace)
        async with asyncio.timeout(HANG_SECONDS):
            return await asyncio.gather(*(made.run(Job(f"n{i}", code, {}), said.append) for i, code in enumerate(jobs)))

    said: list[str] = []
    outcomes = asyncio.run(run())
    if namespace is not None:
        namespace["said"] = said
    return outcomes


def test_output_is_captured_in_order_and_streamed(capsys: pytest.CaptureFixture[str]) -> None:
    namespace: dict[str, Any] = {"sys": sys}
    (outcome,) = run_steps(
        "print('a')\nprint('b')\nprint('c', file=sys.stderr)\nprint('d', end='')", namespace=namespace
    )
    assert outcome.display == [{STDOUT: "a\nb\n"}, {STDERR: "c\n"}, {STDOUT: "d"}]
    assert "".join(namespace["said"]) == "a\nb\nd"
    assert capsys.readouterr() == ("", "")


def test_what_others_print_meanwhile_is_theirs(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout
    namespace: dict[str, Any] = {"threading": threading}
    (outcome,) = run_steps(
        "t = threading.Thread(target=lambda: print('other'))\nprint('mine')\nt.start()\nt.join()", namespace=namespace
    )
    assert outcome.display == [{STDOUT: "mine\n"}]
    assert capsys.readouterr().out == "other\n"
    assert sys.stdout is before


def test_a_print_that_is_under_way_when_a_step_ends_comes_whole() -> None:
    code = (
        "import threading\nfrom contextlib import ExitStack\n"
        "from builder_jupyter.client.capture import captured\nfrom builder_jupyter.nodes.display import Display\n"
        "step = ExitStack()\nstep.enter_context(captured(Display()))\n"
        "class Slow:\n    def __str__(self):\n        step.close()\n        return 'a whole'\n"
        "beside = threading.Thread(target=lambda: print(Slow(), 'line'))\nbeside.start()\nbeside.join()"
    )  # in a process of its own: a stream that is gone is a crash
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.returncode) == ("a whole line\n", 0), done.stderr


def test_too_much_output_is_counted_and_left_out() -> None:
    display = Display()
    display.write(STDOUT, "x" * (MAX_DISPLAY - 1))
    display.write(STDOUT, "yz")
    display.show({"text/html": "w" * 10})
    first, last = display.bundles()
    assert first[STDOUT].endswith("xy")
    assert "11 characters" in last["text/plain"]


def test_an_exception_has_its_line_and_only_its_own_traceback() -> None:
    outcome = evaluated("def f(x):\n    return 1 / x\n\nf(0)")
    assert outcome.error == {"message": "ZeroDivisionError: division by zero (line 2)", "code": "PYTHON_ERROR"}
    (shown,) = outcome.display
    assert "return 1 / x" in shown["text/plain"]
    assert "cell.py" not in shown["text/plain"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("x = = 1", "SyntaxError: invalid syntax (line 1)"),
        ("\nraise SystemExit(3)", "SystemExit: 3 (line 2)"),
        ("return 1", "SyntaxError: 'return' outside function (line 1)"),
        ("e = ValueError('a')\ne.add_note('b')\nraise e", "ValueError: a (line 3)"),
        ("class E(Exception):\n    def __str__(self):\n        1 / 0\nraise E", "E: <exception str() failed> (line 4)"),
    ],
)
def test_whatever_is_raised_fails_the_step(code: str, message: str) -> None:
    outcome = evaluated(code, None, {"__name__": "__main__"})
    assert outcome.error is not None
    assert outcome.error["message"].removeprefix("__main__.") == message


# -- turns and interrupts --------------------------------------------------------------------------------------


def test_one_job_at_a_time() -> None:
    code = "busy = globals().get('busy', 0) + 1\nimport time\ntime.sleep(0.01)\nseen = busy\nbusy -= 1\nseen"
    assert [outcome.value for outcome in run_steps(*[code] * 5, namespace={})] == [1] * 5


@pytest.mark.parametrize(
    "loop",
    [
        "while True:\n    pass",
        "import time\nwhile True:\n    time.sleep(0.001)",
        "while True:\n    try:\n        1 / 0\n    except Exception:\n        pass",
        "import asyncio\nwhile True:\n    await asyncio.sleep(0)",
    ],
)
async def test_cancelling_interrupts_the_code_and_the_next_job_runs(loop: str) -> None:
    namespace: dict[str, Any] = {"begun": threading.Event()}
    steps = Steps(namespace=namespace)
    async with asyncio.timeout(HANG_SECONDS):
        task = asyncio.create_task(steps.run(Job("n", f"begun.set()\n{loop}", {}), lambda _text: None))
        await asyncio.to_thread(namespace["begun"].wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await steps.run(Job("n", "7", {}), lambda _text: None)).value == 7
    for thread in threading.enumerate():
        if thread.name.startswith("builder-step"):
            await asyncio.to_thread(thread.join, HANG_SECONDS)
            assert not thread.is_alive()


async def test_code_that_cannot_be_stopped_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builder_jupyter.client.steps.GRACE_SECONDS", 0.05)
    namespace: dict[str, Any] = {"begun": threading.Event(), "end": threading.Event()}
    steps = Steps(namespace=namespace)
    async with asyncio.timeout(HANG_SECONDS):
        task = asyncio.create_task(steps.run(Job("n", "begun.set()\nend.wait()", {}), lambda _text: None))
        await asyncio.to_thread(namespace["begun"].wait)
        task.cancel()
        assert (await steps.run(Job("n", "8", {}), lambda _text: None)).value == 8
        namespace["end"].set()
        for thread in threading.enumerate():
            if thread.name.startswith("builder-step"):
                await asyncio.to_thread(thread.join)
