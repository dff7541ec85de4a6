"""The 3D tab: a frame's depth as a surface."""
