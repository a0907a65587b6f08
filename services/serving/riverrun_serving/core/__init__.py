"""What serving does, with no transport in sight: slots, answers, feedback, tensors."""
