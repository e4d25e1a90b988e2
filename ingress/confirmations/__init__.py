"""A process of its own: what ``votes-unique`` says is written into the reservations, and again after Redis lost some."""
