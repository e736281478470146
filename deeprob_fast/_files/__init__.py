"""Files of others: what may be opened, how much they may ask for, and how what they say is told. Known by every reader."""
