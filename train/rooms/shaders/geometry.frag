#version 330
// What every later pass needs of the nearest surface.
in float depth;
in vec3 world_normal;
in vec3 world;
in vec3 coordinates;
flat in vec3 base;
flat in vec4 kind;
uniform int first_face;
uniform vec3 eye;
layout(location = 0) out vec4 exact;    // planar depth [m], face + 1
layout(location = 1) out vec4 albedo;   // square root of the base colour, roughness
layout(location = 2) out vec4 facing;   // normal towards the camera; emission, or -1 for metal
#include pattern.glsl
void main() {
    exact = vec4(depth, float(first_face + gl_PrimitiveID + 1), 0.0, 1.0);
    albedo = vec4(sqrt(clamp(textured(base, coordinates), 0.0, 1.0)), kind.x);
    vec3 n = normalize(world_normal + vec3(0.0, 0.0, 1e-6));
    vec3 plane = cross(dFdx(world), dFdy(world));
    plane *= dot(plane, eye - world) < 0.0 ? -1.0 : 1.0;     // towards the camera
    n = dot(plane, n) < 0.0 ? -n : n;
    facing = vec4(n, kind.y > 0.5 ? -1.0 : kind.z);
}
