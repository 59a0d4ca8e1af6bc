"""What a model is: the contract that training and service share. Imports nothing of ours."""
