"""The blocking form of the client and its connections."""
