from __future__ import annotations

import json
import logging
import sys

from builder_jupyter.logs import FieldsFormatter, JsonFormatter


def record(message: str = "went %s", *args: object, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("builder_jupyter.x", logging.WARNING, __file__, 1, message, args or ("wrong",), None)
    for name, value in extra.items():
        setattr(made, name, value)
    return made


def test_ids_stand_behind_the_message_and_nothing_else_does() -> None:
    formatter = FieldsFormatter("%(levelname)s: %(message)s")
    about = record(step_id="a", execution_id="exec_1", inputs={"secret": 1}, prompt="secret")
    assert formatter.format(about) == "WARNING: went wrong execution_id=exec_1 step_id=a"
    assert (about.msg, about.args) == ("went %s", ("wrong",)), "other handlers see it as it was"
    assert formatter.format(record()) == "WARNING: went wrong"


def test_a_percent_sign_in_a_message_is_no_placeholder() -> None:
    assert FieldsFormatter().format(record("%s", "50 %s", execution_id="e")) == "50 %s execution_id=e"


def test_a_step_id_cannot_pass_for_another_field_or_line() -> None:
    text = FieldsFormatter().format(record(step_id='a execution_id="x"\nERROR: forged'))
    assert text == 'went wrong step_id="a execution_id=\\"x\\"\\nERROR: forged"'


def test_a_record_as_json() -> None:
    formatter = JsonFormatter()
    line = json.loads(formatter.format(record(execution_id="exec_1", inputs={"secret": 1})))
    assert set(line) == {"time", "level", "logger", "message", "execution_id"}
    assert (line["level"], line["logger"], line["message"]) == ("WARNING", "builder_jupyter.x", "went wrong")
    assert line["time"].endswith("+00:00")
    broken = record("two\nlines: %s")
    try:
        raise ValueError("why")
    except ValueError:
        broken.exc_info = sys.exc_info()
    text = formatter.format(broken)
    assert "\n" not in text
    assert "ValueError: why" in json.loads(text)["exception"]
