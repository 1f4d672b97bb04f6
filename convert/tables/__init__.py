"""Tables with names for their columns, what people say of them, and held-out rows."""
