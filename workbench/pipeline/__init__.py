"""Wires the core together: the only way audio is ever separated."""
