"""Verdicts and people's answers become tiers, trust and a certificate."""
