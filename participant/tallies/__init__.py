"""What a company counts of its own customers, exactly. Answers and own models are made of it; it never leaves by itself."""
