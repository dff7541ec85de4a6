"""SUN RGB-D: a reader of the published layout."""
