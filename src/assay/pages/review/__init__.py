"""The local page on which people answer a sample, or tell real from simulated sessions."""
