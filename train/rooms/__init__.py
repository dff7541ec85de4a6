"""Rooms without end: furnished, lit and labelled RGB-D scenes, made from nothing but a seed.

A `Scene` (`scene.py`) is geometry, materials and lights alone. What builds one knows nothing of rendering, and what
renders one knows nothing of furniture:

    library.py   models with their class, size, licence (CC0 furniture, and furniture built here)
    layout.py    seed -> room, furnished and lit
    viewpoint.py where the camera stands
    raster.py    labels, depth and normals of a view, exact; and its colours, fast (moderngl)
    cycles.py    its colours, as a photograph (Blender's Cycles)
    sensor.py    what one of SUN RGB-D's four cameras would have measured
    export.py    the `folder` layout; sunrgbd.py: SUN RGB-D's own
    make.py      all of it: python -m train.rooms

Nothing here imports torch: rooms are made in an environment of their own (`requirements.txt` beside this file), since
Blender's module needs NumPy below 2.
"""
