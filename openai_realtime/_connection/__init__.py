"""A session over one socket or several: sending, reading, waiting, replacing what was lost."""
