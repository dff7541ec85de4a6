#version 330
// Radiance of the nearest opaque surface, or of the sky.
#include view.glsl
#include light.glsl
uniform sampler2D albedo;
uniform sampler2D first;
uniform sampler2D rest;
uniform sampler2D reflection;   // what the mirror in `mirror_plane` shows at each pixel
uniform vec4 mirror_plane;
uniform sampler2DShadow shadows;
uniform mat4 sun_projection;
uniform vec4 sun_tile;
out vec4 radiance;
// Mesa's renderer for CPUs computes both sides of an `if`, yet leaves a loop that no pixel needs: hence loops of one turn.
float in_sun(vec3 place, vec3 normal) {
    vec3 at = (sun_projection * vec4(place + normal * 0.02 + sun * 0.02, 1.0)).xyz;
    bool outside = any(lessThan(at.xy, sun_tile.xy)) || any(greaterThan(at.xy, sun_tile.zw));
    float lit = 0.0;
    vec2 texel = 1.0 / vec2(textureSize(shadows, 0));
    // walls have no thickness: what lies this close to the one that the sun is behind is not lit past its edge
    vec3 inner = clamp(place, vec3(0.0), room), way = sun + vec3(1e-5);
    vec3 far = (mix(vec3(0.0), room, step(0.0, way)) - inner) / way;
    outside = outside || (distance(inner, place) < 0.01 && min(far.x, min(far.y, far.z)) < 0.07);
    int taps = sun_radiance == vec3(0.0) || outside || dot(sun, normal) <= 0.0 ? 0 : 9;
    for (int i = 0; i < taps; i++)
        lit += texture(shadows, at + vec3(vec2(i % 3 - 1, i / 3 - 1) * texel, 0.0));
    return lit / 9.0;
}
void main() {
    ivec2 pixel = ivec2(gl_FragCoord.xy);
    float depth = texelFetch(exact, pixel, 0).x;
    vec3 direction = ray * vec3(vec2(pixel), 1.0);
    for (int once = depth > 0.0 ? 1 : 0; once < 1; once++) radiance = vec4(sky_towards(normalize(direction)), 1.0);
    if (depth <= 0.0) return;
    vec4 surface = texelFetch(albedo, pixel, 0), face = texelFetch(facing, pixel, 0);
    vec3 normal = normalize(face.xyz), place = eye + depth * direction;
    // visibility from the half-resolution neighbours on the same surface
    vec4 a = vec4(0.0), b = vec4(0.0);
    float total = 0.0;
    ivec2 base = pixel / 2, last = textureSize(first, 0) - 1, size = textureSize(exact, 0);
    for (int y = 0; y <= 1; y++)
        for (int x = 0; x <= 1; x++) {
            ivec2 tap = min(base + ivec2(x, y), last), source = min(tap * 2, size - 1);
            float other = texelFetch(exact, source, 0).x;
            float gap = abs(dot(world_at(source, other) - place, normal)) / (0.01 + 0.004 * depth);
            vec2 near = 1.0 - 0.5 * abs(vec2(pixel - tap * 2));
            float weight = (1e-5 + max(near.x, 0.0) * max(near.y, 0.0)) * (1e-4 + exp(-gap * gap));
            a += weight * texelFetch(first, tap, 0);
            b += weight * texelFetch(rest, tap, 0);
            total += weight;
        }
    bool mirrors = face.w < 0.0 && surface.a < 0.11 && abs(dot(mirror_plane, vec4(place, 1.0))) < 0.01 && dot(mirror_plane.xyz, normal) > 0.98;
    vec4 shown = vec4(0.0);
    for (int once = mirrors ? 0 : 1; once < 1; once++)
        shown = vec4(texture(reflection, gl_FragCoord.xy / vec2(size)).rgb, 1.0);
    radiance = vec4(shade(place, normal, normalize(-direction), surface.rgb * surface.rgb, surface.a, face.w, a / total,
                          b / total, in_sun(place, normal), shown), 1.0);
}
