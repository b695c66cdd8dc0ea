"""A node's web pages: what left, STOP, figures, recommendations with reasons."""
