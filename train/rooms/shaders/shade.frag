#version 330
// Radiance of the nearest opaque surface: MATTE, of those that `matte` says are; GLOSSY, of the others, and of the sky.
// SUN: in a sunlit room.
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
#ifdef GLOSSY
uniform vec3 sky;           // mean radiance
vec3 sky_towards(vec3 direction) {
    float up = direction.z;
    float hills = 0.05 + 0.035 * sin(direction.x * 9.0 + 1.3) * cos(direction.y * 7.0) + 0.02 * sin(direction.y * 31.0 + direction.x * 23.0);
    vec3 above = sky * mix(1.35, 0.85, clamp(up * 1.6, 0.0, 1.0)) * mix(vec3(1.05, 1.0, 0.95), vec3(0.9, 0.98, 1.12), clamp(up * 2.0, 0.0, 1.0));
    vec3 below = sky * vec3(0.34, 0.36, 0.28) * (0.8 + 0.3 * sin(direction.x * 41.0) * sin(direction.y * 37.0 + up * 29.0));
    return mix(below, above, smoothstep(-0.02, 0.02, up - hills));
}
#endif
#ifdef SUN
float in_sun(vec3 place, vec3 normal) {
    vec3 at = (sun_projection * vec4(place + normal * 0.02 + sun * 0.02, 1.0)).xyz;
    bool outside = any(lessThan(at.xy, sun_tile.xy)) || any(greaterThan(at.xy, sun_tile.zw));
    // walls have no thickness: what lies this close to the one that the sun is behind is not lit past its edge
    vec3 inner = clamp(place, vec3(0.0), room), way = sun + vec3(1e-5);
    vec3 far = (mix(vec3(0.0), room, step(0.0, way)) - inner) / way;
    outside = outside || (distance(inner, place) < 0.01 && min(far.x, min(far.y, far.z)) < 0.07);
    vec2 texel = 1.0 / vec2(textureSize(shadows, 0));
    float lit = 0.0;
    int i = 0;
    do lit += texture(shadows, at + vec3(vec2(i % 3 - 1, i / 3 - 1) * texel, 0.0));
    while (++i < 9);
    return outside || dot(sun, normal) <= 0.0 ? 0.0 : lit / 9.0;
}
#else
float in_sun(vec3 place, vec3 normal) { return 0.0; }
#endif
void main() {
    ivec2 pixel = ivec2(gl_FragCoord.xy);
    vec4 surface = texelFetch(albedo, pixel, 0);
    float depth = texelFetch(exact, pixel, 0).x;
    vec4 face = texelFetch(facing, pixel, 0);
    vec3 direction = ray * vec3(vec2(pixel), 1.0);
#ifdef GLOSSY
    radiance = vec4(sky_towards(normalize(direction)), 1.0);
    if (depth <= 0.0) return;
#endif
    vec3 normal = normalize(face.xyz), place = eye + depth * direction;
    // visibility from the half-resolution neighbours on the same surface
    vec4 a = vec4(0.0), b = vec4(0.0);
    float total = 0.0;
    ivec2 base = pixel / 2, last = textureSize(first, 0) - 1, size = textureSize(exact, 0);
    int i = 0;
    do {
        ivec2 tap = min(base + ivec2(i % 2, i / 2), last), source = min(tap * 2, size - 1);
        float other = texelFetch(exact, source, 0).x;
        float gap = abs(dot(world_at(source, other) - place, normal)) / (0.01 + 0.004 * depth);
        vec2 near = 1.0 - 0.5 * abs(vec2(pixel - tap * 2));
        float weight = (1e-5 + max(near.x, 0.0) * max(near.y, 0.0)) * (1e-4 + exp(-gap * gap));
        a += weight * texelFetch(first, tap, 0);
        b += weight * texelFetch(rest, tap, 0);
        total += weight;
    } while (++i < 4);
    vec4 shown = vec4(0.0);
#ifdef GLOSSY
    bool mirrors = face.w < 0.0 && surface.a < 0.11 && abs(dot(mirror_plane, vec4(place, 1.0))) < 0.01 && dot(mirror_plane.xyz, normal) > 0.98;
    if (mirrors) shown = vec4(textureLod(reflection, gl_FragCoord.xy / vec2(size), 0.0).rgb, 1.0);
#endif
    radiance = vec4(shade(place, normal, normalize(-direction), surface.rgb * surface.rgb, surface.a, face.w, a / total,
                          b / total, in_sun(place, normal), shown), 1.0);
}
