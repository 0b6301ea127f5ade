"""When a session's labels could be known from what the user did (METHODS 5)."""
