"""What is to be done, kept so that no crash loses it and nothing is done twice."""
