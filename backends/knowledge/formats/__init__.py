"""One file for each family of file formats; each turns bytes into a draft document."""
