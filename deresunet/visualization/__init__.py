"""Arrays -> pictures: the only place that draws a frame, and where each colour's meaning is set."""
