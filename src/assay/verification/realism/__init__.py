"""Are the sessions like real ones (RL)? What could tell simulated sessions from real ones, and by how much."""
