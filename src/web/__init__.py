"""The web app's files: where they are, whether what is built of them is of today, and building them."""
