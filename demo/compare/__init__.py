"""The Compare tab: two predictions of one frame."""
