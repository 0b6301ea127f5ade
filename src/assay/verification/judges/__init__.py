"""Judges: language models that read transcripts, asked so that what they read cannot tell them what to say."""
