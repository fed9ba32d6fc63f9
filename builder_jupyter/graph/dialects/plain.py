"""The text form of builder workflows: what a person types into a cell.

`plain_reader` reads it, `plain_writer` writes it.

::

    # A comment
    description: Routes a ticket to the right agent.
    tags: support, demo

    start
    router topic "Topic router"
        when billing: billing|payment|invoice
        default: default
    agent billing "Billing agent"
        prompt: You help customers with billing.
            A deeper indent goes on with the text above.
        temperature: 0.7
    end

    start -> topic
    topic -billing-> billing -> end

A node is a line ``type id "Name" @ x, y``, its data the indented lines below it; ``field key: value`` is a field
beside the data. Indented below edges stands what they have but their ends and label, under its name in JSON. Ids,
labels and keys that are more than letters, digits, ``_``, and ``-`` or ``.`` between these are written as JSON strings.
A value is JSON if it parses as JSON, else text; where the dialect takes text (a prompt) it is text, unless it is a JSON
string. Where no position is given a layout is computed.
"""

from builder_jupyter.graph.dialects.plain_reader import parse_plain
from builder_jupyter.graph.dialects.plain_writer import write_plain

__all__ = ["parse_plain", "write_plain"]
