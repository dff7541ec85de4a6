// From pixels to the world. A pixel's centre has whole coordinates.
uniform mat3 ray;           // (x, y, 1) -> direction in the world with planar depth 1
uniform vec3 eye;
uniform sampler2D exact;
uniform sampler2D facing;
vec3 world_at(ivec2 pixel, float depth) { return eye + depth * (ray * vec3(vec2(pixel), 1.0)); }
