#version 330
// Smooths what `occlusion` dithered, within one surface.
#include view.glsl
uniform sampler2D first;
uniform sampler2D rest;
uniform ivec2 size;
layout(location = 0) out vec4 seen_first;
layout(location = 1) out vec4 seen_rest;
void main() {
    ivec2 here = ivec2(gl_FragCoord.xy), last = textureSize(first, 0) - 1;
    ivec2 pixel = min(here * 2, size - 1);
    float depth = texelFetch(exact, pixel, 0).x;
    vec3 normal = texelFetch(facing, pixel, 0).xyz;
    vec3 place = world_at(pixel, depth);
    vec4 a = vec4(0.0), b = vec4(0.0);
    float total = 0.0;
    int i = 0;
    do {
        int x = i % 5 - 2, y = i / 5 - 2;
        ivec2 tap = clamp(here + ivec2(x, y), ivec2(0), last), source = min(tap * 2, size - 1);
        float other = texelFetch(exact, source, 0).x;
        float gap = abs(dot(world_at(source, other) - place, normal)) / (0.01 + 0.004 * depth);
        float weight = exp(-gap * gap - float(x * x + y * y) * 0.12) + (x == 0 && y == 0 ? 1e-3 : 0.0);
        a += weight * texelFetch(first, tap, 0);
        b += weight * texelFetch(rest, tap, 0);
        total += weight;
    } while (++i < 25);
    seen_first = a / total;
    seen_rest = b / total;
}
