"""The outside world behind `StepContext`: language models and tools.

Each module fulfils a protocol that `nodes` states. Libraries that are slow to import (langchain, xllamacpp,
httpx) are imported where they are first used, so importing this package costs next to nothing.
"""
