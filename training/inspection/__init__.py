"""What is wrong with the pictures of a folder, by what a run knows of them; decides nothing."""
