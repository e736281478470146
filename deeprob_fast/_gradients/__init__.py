"""The parts of `gradcheck`: what is claimed of a function, and how it is compared with differences."""
