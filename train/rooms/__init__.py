"""Rooms without end: furnished, lit and labelled RGB-D scenes, made from nothing but a seed.

A `Scene` is geometry, materials and lights alone. What builds one knows nothing of rendering, and what
renders one knows nothing of furniture:

    scene.py, meshes.py, folds.py            what a scene is made of; primitives; cloth and cushions
    library.py, supply.py, assets.py         models by the role they play, and where they lie on this machine
    models.py, wavefront.py, catalogued.py   CC0 furniture: read, given roles and classes, varied
    furniture/                               furniture built here, to measure
    materials.py, textures.py, prints.py     colours, patterns, pictures
    shape.py, harmony.py                     what a model fills of its box; what looks alike in a room
    layout.py, kinds.py, wishes.py           seed -> room, furnished and lit; its type; rare classes
    shell.py, openings.py, finishes.py       walls, floor and ceiling; windows and doors
    programmes.py, fitted.py, groups.py      which furniture a room gets, and what belongs together
    furnisher.py, placement.py, dressing.py  where it stands, and the small things on it
    lighting.py                              daylight and lamps
    viewpoint.py                             where the camera stands
    raster.py, geometry.py, card.py          labels, depth and normals of a view, exact; its colours, fast
    shaders/                                 the programs that do it (moderngl)
    illumination.py, shadows.py              the fast colours' light: lamps and sun, and what hides them
    radiosity.py, mirrors.py                 light between the walls; what mirrors show
    cycles.py, blender.py                    its colours, as a photograph (Blender's Cycles)
    develop.py, picture.py                   from radiance to what a colour camera delivers
    sensor.py, infrared.py, inpainting.py    what one of SUN RGB-D's four cameras would have measured
    capture.py, export.py                    a frame as it was taken; the `folder` layout
    sunrgbd.py, toolbox.py                   SUN RGB-D's own layout
    outlines.py, upright.py                  its polygons, and its boxes
    make.py, maker.py, crew.py               all of it, on all cores: python -m train.rooms
    statistics.py, report.py                 what is in a set of rooms
    bundle.py                                the sample rooms that come with the package

Nothing here imports torch: rooms are made in an environment of their own (`requirements.txt` beside this file), since
Blender's module needs NumPy below 2.
"""
