"""Learning: from human turns to weights. Torch lives only in the modules that train."""
