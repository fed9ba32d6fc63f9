"""The kernel's end of a fresh kernel (`connectors.kernels`): a job comes as a file, and its outcome goes as files.

What the code prints and displays goes the way of every kernel.
"""

from __future__ import annotations

import sys
from pathlib import Path

from builder_jupyter.client.cell import run_job
from builder_jupyter.nodes.code import Job
from builder_jupyter.nodes.display import Display


def run(folder: str) -> None:
    """Run the job of a folder in this kernel's namespace."""
    place = Path(folder)
    job = Job.from_json((place / "job.json").read_bytes())
    output = Display()
    namespace = sys.modules["IPython"].get_ipython().user_ns
    outcome = run_job(job, namespace, output, lambda digest: Path(job.paths[digest]).read_bytes())
    outcome.display = output.bundles()
    for digest, content in outcome.frames.items():
        (place / f"{digest}.parquet").write_bytes(content)
    (place / "outcome.json").write_text(outcome.to_json(), encoding="utf-8")
