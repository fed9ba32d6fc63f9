"""Kinds of node, one file each. `BUILT_IN` is the list of them, in palette order."""

from builder_jupyter.nodes.agent import Agent
from builder_jupyter.nodes.end import End
from builder_jupyter.nodes.frame import Artboard, Frame
from builder_jupyter.nodes.human import Human
from builder_jupyter.nodes.prompt import Prompt
from builder_jupyter.nodes.prompt_trigger import PromptTrigger
from builder_jupyter.nodes.python import Python
from builder_jupyter.nodes.router import Router
from builder_jupyter.nodes.start import Start
from builder_jupyter.nodes.text_gen import TextGen
from builder_jupyter.nodes.tool import Tool
from builder_jupyter.nodes.wait import WaitNode
from builder_jupyter.nodes.webhook_trigger import WebhookTrigger
from builder_jupyter.nodes.workflow import MapNode, WorkflowNode

BUILT_IN = (
    Start, Agent, Router, Tool, Python, Human, End, WaitNode, WorkflowNode, MapNode,
    PromptTrigger, WebhookTrigger, Prompt, TextGen, Frame, Artboard,
)  # fmt: skip
