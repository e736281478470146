"""The minimum of the softmax loss with an L2 penalty, and how far from it a solver may still be."""
