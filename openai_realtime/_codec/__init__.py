"""JSON in and out: reading, writing, checking."""
