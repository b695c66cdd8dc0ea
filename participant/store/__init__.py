"""What a node keeps: tables, and the repositories that read and write them."""
