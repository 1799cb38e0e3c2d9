"""One module a command; the command has the module's name."""
