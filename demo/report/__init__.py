"""The Report tab: links, and reports of a frame or a data set."""
