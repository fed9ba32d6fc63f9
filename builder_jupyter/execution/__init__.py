"""From a plan to a history: state machines, pure decisions, and the engine that performs them."""
