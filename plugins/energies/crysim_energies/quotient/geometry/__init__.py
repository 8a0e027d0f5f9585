"""Crystals as their free parameters: neighbours, angles and directions, and how these move."""
