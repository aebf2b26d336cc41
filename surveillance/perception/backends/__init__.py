"""Ways to run a network: (network, crop size, device) in, a function from prepared crops to logits out."""
