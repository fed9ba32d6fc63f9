"""A real Jupyter server with the extension, whose node types and models are those of the load."""

from crash import load
from jupyter_server.serverapp import main

from builder_jupyter.services import runtime

runtime.default_registry = load.registry
runtime.ModelHub = lambda **_: load.models()

if __name__ == "__main__":
    main()
