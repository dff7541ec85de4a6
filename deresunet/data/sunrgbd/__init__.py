"""SUN RGB-D: readers of the published and of the prepared layout, and the preparation itself."""
