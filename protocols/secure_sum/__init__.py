"""The secure sum: n companies hold vectors, everybody learns the survivors' sum and nothing else.

It follows the active-adversary protocol of Bonawitz et al., "Practical Secure Aggregation for
Privacy-Preserving Machine Learning" (CCS 2017), figure 4, and uses its names. A company steps
``contributor``, the coordinator ``collector``; ``play`` runs all of it in one process. Nothing is
re-exported here, so that an import names the side that it stands on.
"""
