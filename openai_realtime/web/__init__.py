"""The SDK inside web services: webhooks, calls, a broker of credentials, a relay."""
