"""The node's own HTTP interface, on loopback: recommendations for the shop, vectors for the courier."""
