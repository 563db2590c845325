"""Where documents come from: folders, stores of files, web sites."""
