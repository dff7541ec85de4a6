#version 330
// What is see-through, over what is behind it.
in float depth;
in vec3 world_normal;
in vec3 world;
in vec3 coordinates;
flat in vec3 base;
flat in vec4 kind;
uniform vec3 eye;
out vec4 radiance;
#include light.glsl
#include pattern.glsl
void main() {
    vec3 view = normalize(eye - world), n = normalize(world_normal + vec3(0.0, 0.0, 1e-6));
    n = dot(n, view) < 0.0 ? -n : n;
    vec3 own = shade(world, n, view, clamp(textured(base, coordinates), 0.0, 1.0), kind.x, kind.y > 0.5 ? -1.0 : kind.z, vec4(0.7), vec4(0.7), 0.0, vec4(0.0));
    float fresnel = kind.x < 0.3 ? 0.6 * pow(1.0 - clamp(dot(n, view), 0.0, 1.0), 5.0) : 0.0;
    radiance = vec4(own, clamp(kind.w + fresnel, 0.0, 1.0));
}
