"""What judges a line beside its learner: how well its answers do, and what follows from that."""
