"""From curated answers to a model the team owns: examples, trainers, registry."""
