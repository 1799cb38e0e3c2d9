"""What a session's model does: hearing, transcribing, answering, in its time."""
