"""Sound itself: atmosphere, levels, filter bank, detector, onset picking, features."""
