"""A process that starts three runs, waits until each waits for a person, tells their ids, and is killed."""

import sys
from pathlib import Path

from builder_jupyter.connectors.fakes import ScriptedModel, ScriptedModels
from builder_jupyter.identity.principal import local_principal
from builder_jupyter.services.runtime import Runtime, Settings

ME = local_principal("alice")


def main(place: str) -> None:
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from engine_kit import registry_of, workflow_of

    settings = Settings(data_dir=Path(place), credit_grant=100, credit_prices={"do": 21})
    rt = Runtime(settings, models=ScriptedModels(ScriptedModel(lambda _request: "x")), registry=registry_of())
    wait = rt.portal.wait
    stored = wait(rt.workflows.create(ME, workflow_of("start>agent>human>do>end"), draft=True))
    ids = [wait(rt.executions.start(ME, stored.id, inputs={"message": "hi"})).execution_id for _ in range(3)]
    for execution in ids:
        for batch in rt.portal.iterate(rt.executions.events(ME, execution)):
            if any(event["kind"] == "status" and event["status"] == "waiting" for event in batch):
                break
    print(*ids, flush=True)
    sys.stdin.read()


main(sys.argv[1])
