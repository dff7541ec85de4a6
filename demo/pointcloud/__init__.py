"""The 3D tab: a frame as a point cloud."""
