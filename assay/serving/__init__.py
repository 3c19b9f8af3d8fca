"""The exercise server's own parts: what is submitted is queued, graded and shown."""
