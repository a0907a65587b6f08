"""Learners: one Protocol, River and PyTorch behind it, built from declarative model specs.

River and torch are imported here and nowhere else (torch only by a spec that asks for it).
"""
