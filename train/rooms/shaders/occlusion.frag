#version 330
// Half resolution: how much of each light a surface sees (shadow maps of points spread over the lights), and of the
// room around it (ambient occlusion in screen space, after McGuire et al. 2012, Scalable Ambient Obscurance).
#include view.glsl
#define MAPS 9
#define TAPS 11
uniform sampler2DShadow shadows;
uniform int maps;
uniform mat4 projections[MAPS];     // world -> the map's part of the atlas, 0..w
uniform vec4 tiles[MAPS];           // its part of the atlas: low, high
uniform vec4 points[MAPS];          // where it looks from; radius of the light's piece that it stands for [m]
uniform int owners[MAPS];           // channel of its light
uniform float weights[MAPS];        // its part of that light
uniform float focal;                // [px]
uniform ivec2 size;                 // [px], full resolution
layout(location = 0) out vec4 seen_first;
layout(location = 1) out vec4 seen_rest;    // and ambient in w
float noise(ivec2 p) { return fract(52.9829189 * fract(dot(vec2(p), vec2(0.06711056, 0.00583715)))); }
void main() {
    ivec2 here = ivec2(gl_FragCoord.xy), pixel = min(here * 2, size - 1);
    float depth = texelFetch(exact, pixel, 0).x;
    seen_first = vec4(1.0);
    seen_rest = vec4(1.0);
    if (depth <= 0.0) return;
    vec3 normal = texelFetch(facing, pixel, 0).xyz;
    vec3 place = world_at(pixel, depth);
    float turn = 6.2831853 * noise(here);
    vec4 share_first = vec4(0.0), share_rest = vec4(0.0);
    seen_first = seen_rest = vec4(0.0);
    vec3 aside = normalize(abs(normal.z) < 0.8 ? cross(normal, vec3(0, 0, 1)) : cross(normal, vec3(1, 0, 0)));
    vec3 upward = cross(normal, aside);
    float open = 0.0;
    int i = 0;
    do {
        vec3 towards = points[i].xyz - place;
        float away = length(towards);
        towards /= away;
        // a surface is lit by its own piece of the light: the reader is shifted within what the piece blurs
        float spread = min(0.25 * points[i].w, 0.02 + 0.04 * away * points[i].w);
        float angle = turn + float(i) * 2.399963;
        vec3 from = place + normal * 0.02 + towards * 0.015 + spread * (cos(angle) * aside + sin(angle) * upward);
        vec4 at = projections[i] * vec4(from, 1.0);
        float visible = 1.0;
        if (at.w > 0.0) {
            vec3 where = at.xyz / at.w;
            if (all(greaterThan(where.xy, tiles[i].xy)) && all(lessThan(where.xy, tiles[i].zw)))
                visible = texture(shadows, where);
        }
        vec4 in_first = weights[i] * vec4(equal(ivec4(owners[i]), ivec4(0, 1, 2, 3)));
        vec4 in_rest = weights[i] * vec4(equal(ivec4(owners[i]), ivec4(4, 5, 6, 7)));
        seen_first += in_first * visible;
        seen_rest += in_rest * visible;
        share_first += in_first;
        share_rest += in_rest;
        open += visible;
    } while (++i < maps);
    seen_first = mix(vec4(1.0), seen_first / max(share_first, 1e-9), greaterThan(share_first, vec4(0.0)));
    seen_rest = mix(vec4(1.0), seen_rest / max(share_rest, 1e-9), greaterThan(share_rest, vec4(0.0)));
    float reach = 0.7, blocked = 0.0;
    float radius = clamp(reach * focal / depth, 6.0, 0.3 * float(size.x));
    i = 0;
    do {
        float part = (float(i) + noise(here.yx + 7)) / float(TAPS);
        float angle = turn + float(i) * 2.399963;
        ivec2 tap = pixel + ivec2(part * part * radius * vec2(cos(angle), sin(angle)) + 2.0 * vec2(cos(angle), sin(angle)));
        if (any(lessThan(tap, ivec2(0))) || any(greaterThanEqual(tap, size))) continue;
        float other = texelFetch(exact, tap, 0).x;
        if (other <= 0.0) continue;
        vec3 offset = world_at(tap, other) - place;
        float distance2 = dot(offset, offset), height = dot(offset, normal) - 0.004 * depth;
        float fade = max(0.0, 1.0 - distance2 / (reach * reach));
        blocked += fade * max(0.0, height) * inversesqrt(distance2 + 1e-4);
    } while (++i < TAPS);
    float ambient = max(0.08, 1.0 - 2.1 * blocked / float(TAPS));
    float wide = maps > 0 ? open / float(maps) : 1.0;       // what no light sees, the room hardly sees
    seen_rest.w = ambient * mix(0.62, 1.0, wide);
}
