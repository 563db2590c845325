"""When to answer at all: how sure retrieval is, learned from questions."""
