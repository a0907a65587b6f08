"""The words of riverrun as types: versions, units, deltas, digests, events, predictions, specs, errors.

Nothing here knows a transport, a file, River or torch; every other package may import it.
"""
