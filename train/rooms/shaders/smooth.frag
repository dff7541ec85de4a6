#version 330
// Anti-aliasing of the finished picture (after Lottes 2009, FXAA), on radiance compressed to 0..1.
uniform sampler2D picture;
uniform float mid;          // radiance of middle grey
out vec4 radiance;
vec3 squeeze(vec3 x) { return x / (x + mid); }
float luma(vec3 x) { return dot(squeeze(x), vec3(0.299, 0.587, 0.114)); }
void main() {
    ivec2 p = ivec2(gl_FragCoord.xy), last = textureSize(picture, 0) - 1;
    vec2 texel = 1.0 / vec2(textureSize(picture, 0)), at = gl_FragCoord.xy * texel;
    vec3 here = texelFetch(picture, p, 0).rgb;
    float m = luma(here);
    float nw = luma(texelFetch(picture, clamp(p + ivec2(-1, -1), ivec2(0), last), 0).rgb);
    float ne = luma(texelFetch(picture, clamp(p + ivec2(1, -1), ivec2(0), last), 0).rgb);
    float sw = luma(texelFetch(picture, clamp(p + ivec2(-1, 1), ivec2(0), last), 0).rgb);
    float se = luma(texelFetch(picture, clamp(p + ivec2(1, 1), ivec2(0), last), 0).rgb);
    float low = min(m, min(min(nw, ne), min(sw, se))), high = max(m, max(max(nw, ne), max(sw, se)));
    radiance = vec4(here, 1.0);
    if (high - low < max(0.02, high * 0.06)) return;
    vec2 way = vec2(-((nw + ne) - (sw + se)), (nw + sw) - (ne + se));
    float damp = max((nw + ne + sw + se) * 0.03125, 0.0078125);
    way = clamp(way / (min(abs(way.x), abs(way.y)) + damp), -8.0, 8.0) * texel;
    vec3 a = 0.5 * (squeeze(texture(picture, at - way / 6.0).rgb) + squeeze(texture(picture, at + way / 6.0).rgb));
    vec3 b = 0.5 * a + 0.25 * (squeeze(texture(picture, at - way * 0.5).rgb) + squeeze(texture(picture, at + way * 0.5).rgb));
    float lb = dot(b, vec3(0.299, 0.587, 0.114));
    vec3 chosen = lb < low || lb > high ? a : b;
    radiance = vec4(chosen * mid / max(1.0 - chosen, 1e-4), 1.0);
}
