"""Kinds of node, one file each. `BUILT_IN` is the list of them, in palette order."""

from builder_jupyter.nodes.agent import Agent
from builder_jupyter.nodes.end import End
from builder_jupyter.nodes.frame import Artboard, Frame
from builder_jupyter.nodes.generate_image import GenerateImage
from builder_jupyter.nodes.generate_sfx import GenerateSfx
from builder_jupyter.nodes.generate_video import GenerateVideo
from builder_jupyter.nodes.human import Human
from builder_jupyter.nodes.prompt import Prompt
from builder_jupyter.nodes.prompt_trigger import PromptTrigger
from builder_jupyter.nodes.python import Python
from builder_jupyter.nodes.router import Router
from builder_jupyter.nodes.speech_to_speech import SpeechToSpeech
from builder_jupyter.nodes.start import Start
from builder_jupyter.nodes.static import (
    CodeNode,
    DocumentNode,
    EasyConnect,
    McpCredential,
    McpOutput,
    McpTool,
    ShapeNode,
    TextNode,
)  # fmt: skip
from builder_jupyter.nodes.stored_media import AudioNode, ImageNode, VideoNode
from builder_jupyter.nodes.text_gen import TextGen
from builder_jupyter.nodes.text_to_speech import TextToSpeech
from builder_jupyter.nodes.tool import Tool
from builder_jupyter.nodes.wait import WaitNode
from builder_jupyter.nodes.webhook_call import WebhookCall
from builder_jupyter.nodes.webhook_trigger import WebhookTrigger
from builder_jupyter.nodes.workflow import MapNode, WorkflowNode

BUILT_IN = (
    Start, Agent, Router, Tool, Python, Human, End, WaitNode, WorkflowNode, MapNode,
    PromptTrigger, WebhookTrigger, Prompt, TextGen, GenerateImage, GenerateVideo, TextToSpeech, SpeechToSpeech,
    GenerateSfx, WebhookCall,
    ImageNode, VideoNode, AudioNode, ShapeNode, TextNode, DocumentNode, CodeNode, Frame, Artboard, EasyConnect,
    McpTool, McpOutput, McpCredential,
)  # fmt: skip
