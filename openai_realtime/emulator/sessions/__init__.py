"""The emulator's sessions: realtime, transcription, translation, the retired beta."""
