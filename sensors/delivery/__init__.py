"""Delivery: the spool that loses nothing, the uplink that empties it, and the node's identity."""
