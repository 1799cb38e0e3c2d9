"""HTTP and WebSockets over aiohttp: requests, retries, one socket."""
