"""Is the user the same person all along (CO01 to CO04)?"""
