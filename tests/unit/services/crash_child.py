"""A process that runs executions and tells what was acknowledged, until it is killed. See test_recovery."""

import asyncio
import sys
from pathlib import Path

from engine_kit import registry_of

from builder_jupyter.connectors.fakes import ScriptedModel, ScriptedModels
from builder_jupyter.graph.model import Workflow
from builder_jupyter.identity.principal import local_principal
from builder_jupyter.services.runtime import Runtime, Settings

ME = local_principal("alice")


def main(place: str, document: str) -> None:
    async def hang(_context):
        await asyncio.Event().wait()

    runtime = Runtime(
        Settings(data_dir=Path(place)),
        models=ScriptedModels(ScriptedModel(lambda request: f"answer to {request.messages[-1].content}")),
        registry=registry_of({"last": hang}),
    )
    wait = runtime.portal.wait
    stored = wait(runtime.workflows.create(ME, Workflow.load(document), draft=True))
    print("workflow", stored.id, flush=True)
    for number in range(20):
        run = wait(runtime.executions.start(ME, stored.id, inputs={"message": f"m{number}"}))
        print("admitted", run.execution_id, flush=True)
        for batch in runtime.portal.iterate(runtime.executions.events(ME, run.execution_id)):
            for event in batch:
                print(
                    "event",
                    run.execution_id,
                    event["seq"],
                    event["kind"],
                    event.get("status"),
                    event.get("stepId"),
                    flush=True,
                )
            if any(event.get("stepId") == "last" for event in batch):
                break
    print("ready", flush=True)
    sys.stdin.read()


main(*sys.argv[1:])
