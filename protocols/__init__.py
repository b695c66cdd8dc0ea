"""What both sides of Altrove must agree on: values and bytes in, values and bytes out."""
