"""The conversation: nothing here knows a platform or a model."""
