"""The emulator on the network: HTTP, WebSockets, who is let in."""
