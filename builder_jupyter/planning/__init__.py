"""From a workflow and a trigger to an immutable plan: which nodes take part, in what order, at what price."""
