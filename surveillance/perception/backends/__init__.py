"""Ways to run a network: (what builds it, crop size, device) in, a function from prepared crops to logits out."""
