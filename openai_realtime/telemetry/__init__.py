"""Spans and histograms of OpenTelemetry for sessions, responses and tools. Needs the extra ``otel``."""

from openai_realtime.errors import ConfigurationError

try:
    from .telemetry import Telemetry
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "opentelemetry":
        raise
    raise ConfigurationError("telemetry needs opentelemetry: pip install 'openai-realtime[otel]'") from None

__all__ = ["Telemetry"]
